-- name: before
-- A warehouse that knows an entity which nobody declares, a verdict and an accepted difference, and has rows of others
-- whose watermarks are gone.
insert into meta.ingestion_state (entity, cursor_name) values ('stores', 'updated_at');
insert into meta.dataset (dataset, entity) values ('stores', 'stores');
insert into meta.reconciliation (
    run_id, dataset, after_id, up_to_id, source_count, bronze_count, silver_count, rejected_count, status, is_settled
)
values ('a', 'sales_product', 0, 4, 3, 3, 3, 0, 'BALANCED', true);
insert into meta.accepted_difference (entity, record_id, source_checksum, run_id) values ('products', 7, 1, 'a');
create function meta.customers_checksum(customer silver.customers) returns bigint language sql as 'select 1::bigint';
create function meta.sales_product_checksum(line silver.sales_product) returns bigint language sql as 'select 1::bigint';
insert into meta.gap (entity, from_id, to_id) values ('gaps', 4, 5);
insert into meta.backfill_range (entity, from_id, to_id) values ('ranges', 1, 9);
insert into meta.lookback_page (entity, page, digests) values ('gaps', 0, ''), ('lookbacks', 0, '');
insert into meta.load (run_id, layer, dataset) values ('a', 'bronze', 'sales');
insert into meta.unreadable_record (entity, digest, load_id) select 'unreadables', '', load_id from meta.load;
insert into meta.replay (entity, first_load_id) select 'replays', load_id from meta.load;
insert into meta.source_identity (entity) values ('identities');
insert into meta.source_sample (entity, record_id, content, lasting) values ('samples', 1, '', '');

-- name: every_entity_that_was_known_is_a_row_with_its_order
select
    string_agg(entity || ' ' || ordered_by, ', ' order by entity)
    = 'customers updated_at, gaps id, identities updated_at, lookbacks updated_at, products updated_at, ranges id, '
    || 'replays updated_at, sales id, samples updated_at, stores updated_at, unreadables updated_at'
from meta.entity;

-- name: datasets_verdicts_and_differences_stay
select
    (select count(*) from meta.dataset) = 5
    and (select count(*) from meta.reconciliation) = 1
    and (select count(*) from meta.accepted_difference) = 1;

-- name: of_no_dataset_it_is_known_who_a_person_is_until_it_is_declared
select count(personal_columns) = 0 from meta.dataset;

-- name: whatever_names_an_entity_refers_to_it
select
    array_agg(conrelid::regclass::text order by conrelid::regclass::text)
    = array[
        'meta.accepted_difference', 'meta.backfill_range', 'meta.dataset', 'meta.gap', 'meta.ingestion_state',
        'meta.lookback_page', 'meta.replay', 'meta.source_identity', 'meta.source_sample', 'meta.unreadable_record'
    ]
from pg_constraint
where confrelid = 'meta.entity'::regclass;

-- name: whatever_names_a_dataset_refers_to_it
select
    array_agg(conrelid::regclass::text order by conrelid::regclass::text)
    = array['meta.bronze_file', 'meta.reconciliation', 'meta.rejected_record']
from pg_constraint
where confrelid = 'meta.dataset'::regclass;
