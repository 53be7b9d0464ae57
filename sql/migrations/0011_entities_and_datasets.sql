-- Entities and datasets are rows, and each table that names one refers to it: another entity is no change of a table.
-- What is declared in the checkout comes with every change of sql/ (entities.sql); what a later version no longer
-- declares stays, as do its tables.

create table meta.entity (
    entity text primary key,
    ordered_by text not null check (ordered_by in ('id', 'updated_at'))
);

-- Also one that has no watermark any more, as long as anything names it.
insert into meta.entity (entity, ordered_by)
select
    entity,
    'id' as ordered_by
from (
    select entity from meta.ingestion_state
    where cursor_name <> 'updated_at'
    union
    select entity from meta.gap
    union
    select entity from meta.backfill_range
) as by_id;

insert into meta.entity (entity, ordered_by)
select
    entity,
    'updated_at' as ordered_by
from (
    select entity from meta.ingestion_state
    union
    select entity from meta.dataset
    union
    select entity from meta.lookback_page
    union
    select entity from meta.unreadable_record
    union
    select entity from meta.source_identity
    union
    select entity from meta.source_sample
    union
    select entity from meta.replay
    union
    select entity from meta.accepted_difference
) as named
on conflict (entity) do nothing;

-- A column that tells who a person is stays hidden from readers when its table is no longer declared. Null where nobody
-- has ever declared which these are.
alter table meta.dataset
add column personal_columns text[],
drop constraint dataset_entity_fkey,
add constraint dataset_entity_known foreign key (entity) references meta.entity;

alter table meta.ingestion_state
add constraint ingestion_state_entity_known foreign key (entity) references meta.entity;
alter table meta.gap
add constraint gap_entity_known foreign key (entity) references meta.entity;
alter table meta.backfill_range
add constraint backfill_range_entity_known foreign key (entity) references meta.entity;
alter table meta.lookback_page
add constraint lookback_page_entity_known foreign key (entity) references meta.entity;
alter table meta.unreadable_record
add constraint unreadable_record_entity_known foreign key (entity) references meta.entity;
alter table meta.source_identity
add constraint source_identity_entity_known foreign key (entity) references meta.entity;
alter table meta.source_sample
add constraint source_sample_entity_known foreign key (entity) references meta.entity;
alter table meta.replay
add constraint replay_entity_known foreign key (entity) references meta.entity;
alter table meta.accepted_difference
drop constraint accepted_difference_entity_check,
add constraint accepted_difference_entity_known foreign key (entity) references meta.entity;

alter table meta.rejected_record
add constraint rejected_record_dataset_known foreign key (dataset) references meta.dataset;
alter table meta.reconciliation
drop constraint reconciliation_dataset_check,
add constraint reconciliation_dataset_known foreign key (dataset) references meta.dataset;

-- They are made again (silver_tables.sql), and a parameter cannot be given another name in place.
drop function if exists meta.customers_checksum(silver.customers);
drop function if exists meta.products_checksum(silver.products);
drop function if exists meta.sales_customer_checksum(silver.sales_customer);
drop function if exists meta.sales_product_checksum(silver.sales_product);
