"""What takes a warehouse of this version back to an earlier one, so that a test can see it taken over again."""

# Before the number 23: no files from people.
_UNDO_23 = """
    drop table meta.delivery, meta.inbox_file;
    delete from meta.dataset where entity in (select entity from meta.entity where ordered_by = 'delivery');
    delete from meta.ingestion_state where entity in (select entity from meta.entity where ordered_by = 'delivery');
    delete from meta.entity where ordered_by = 'delivery';
    alter table meta.entity drop constraint entity_ordered_by_check;
    alter table meta.entity add constraint entity_ordered_by_check check (ordered_by in ('id', 'updated_at'));
"""
# Before the number 22: no second opinion.
_UNDO_22 = "drop table gold.kpi_second_opinion, meta.second_opinion;"
# Before the number 21: the KPIs are not judged.
_UNDO_21 = "drop table gold.kpi_anomaly, meta.kpi_judgement, meta.anomaly_verdict cascade;"
# Before the number 20: results of Gold are not kept.
_UNDO_20 = "drop table meta.gold_result;"
# Before the number 19: what a source sends besides the declared members is not noted.
_UNDO_19 = "drop table meta.new_field;"
# Before the number 18: no holidays.
_UNDO_18 = "drop table meta.holiday;"
# Before the number 17: no nightly table.
_UNDO_17 = "drop function if exists meta.business_date; drop table meta.nightly_build;"
# Before the number 16: current dimensions only.
_UNDO_16 = """
    drop table gold.dim_customer_history_change, gold.dim_product_history_change, gold.dim_store_history_change;
    drop table if exists gold.dim_customer_history, gold.dim_product_history, gold.dim_store_history;
    drop schema extensions cascade;
    alter table gold.sales_item_change
    drop column customer_version_key, drop column product_version_key, drop column store_version_key;
    alter table if exists gold.sales_item
    drop column if exists customer_version_key, drop column if exists product_version_key,
    drop column if exists store_version_key, drop column if exists cost_amount;
"""
# Before the number 15: a fact without the key of the store.
_UNDO_15 = """
    alter table if exists gold.sales_item drop column if exists store_key;
    alter table gold.sales_item_change drop column store_key;
"""
# Before the number 14: newest versions only.
_UNDO_14 = """
    alter table meta.bronze_file drop column has_versions cascade;
    drop table silver.customers_version, silver.products_version, silver.stores_version;
"""
# Before the number 13: another name for the channels that have not taken a message.
_UNDO_13 = """
    alter table meta.incident_message rename column pending_channels to untold;
    alter index meta.incident_message_pending rename to incident_message_untold;
"""
# Before the number 12: a fact that is not found by time.
_UNDO_12 = """
    do $$
    declare
        one regclass;
    begin
        for one in
            select indexrelid from pg_index
            where indrelid = to_regclass('gold.sales_item') and pg_get_indexdef(indexrelid) like '%(sold_at %'
        loop
            execute format('drop index %s', one);
        end loop;
    end
    $$;
"""
# Before the number 11: entities in checks, datasets that refer to the watermarks.
_UNDO_11 = """
    drop table meta.entity cascade;
    alter table meta.rejected_record drop constraint rejected_record_dataset_known;
    alter table meta.dataset
    drop column personal_columns,
    add constraint dataset_entity_fkey foreign key (entity) references meta.ingestion_state;
    alter table meta.reconciliation
    drop constraint reconciliation_dataset_known,
    add constraint reconciliation_dataset_check
    check (dataset in ('customers', 'products', 'sales_customer', 'sales_product'));
    alter table meta.accepted_difference
    add constraint accepted_difference_entity_check check (entity in ('customers', 'products', 'sales'));
"""
# Before the number 10: failed loads without a remedy.
_UNDO_10 = "alter table meta.load drop column remedy cascade;"
# Before the number 9: gaps and ranges of sales only.
_UNDO_9 = """
    drop view meta.sales_gap, meta.sales_backfill cascade;
    alter table meta.gap drop column entity cascade;
    alter table meta.gap rename to sales_gap;
    alter table meta.sales_gap rename constraint gap_status_check to sales_gap_status_check;
    alter table meta.sales_gap rename constraint gap_is_a_range to sales_gap_is_a_range;
    alter table meta.sales_gap
    add constraint sales_gap_pkey primary key (from_id),
    add constraint sales_gap_ranges_are_disjoint exclude using gist (int8range(from_id, to_id, '[]') with &&);
    create index sales_gap_open on meta.sales_gap (from_id) where status = 'OPEN';
    alter table meta.backfill_range drop column entity cascade;
    alter table meta.backfill_range rename to sales_backfill;
    alter table meta.sales_backfill rename constraint backfill_range_is_a_range to sales_backfill_is_a_range;
    alter table meta.sales_backfill rename constraint backfill_range_stays_inside to sales_backfill_stays_inside;
    alter table meta.sales_backfill rename constraint backfill_range_load_id_fkey to sales_backfill_load_id_fkey;
    alter table meta.sales_backfill
    add constraint sales_backfill_pkey primary key (from_id),
    add constraint sales_backfill_ranges_are_disjoint exclude using gist (int8range(from_id, to_id, '[]') with &&);
    drop type meta.text_range cascade;
"""
# Before the number 8: without the change log of the fact.
BEFORE_8 = f"""
    {_UNDO_23} {_UNDO_22} {_UNDO_21}
    {_UNDO_20} {_UNDO_19} {_UNDO_18} {_UNDO_17} {_UNDO_16} {_UNDO_15} {_UNDO_14} {_UNDO_13} {_UNDO_12} {_UNDO_11}
    {_UNDO_10} {_UNDO_9}
    drop table gold.sales_item_change;
    delete from meta.migration where number >= 8;
"""
# From before there were numbers.
BEFORE_NUMBERS = f"{BEFORE_8} drop table meta.migration;"
