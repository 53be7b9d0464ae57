-- Gaps and ranges of a backfill belong to an entity: each listing that is ordered by id has its own. Under the names of
-- before, views show those of sales (sql/views.sql).

-- With it an exclusion constraint compares texts, and no extension is needed that a server may not offer.
create type meta.text_range as range (subtype = text, collation = "C");

alter table meta.sales_gap rename to gap;
alter table meta.gap add column entity text not null default 'sales';
alter table meta.gap alter column entity drop default;
alter table meta.gap rename constraint sales_gap_status_check to gap_status_check;
alter table meta.gap rename constraint sales_gap_is_a_range to gap_is_a_range;
alter table meta.gap
drop constraint sales_gap_pkey,
drop constraint sales_gap_ranges_are_disjoint,
add constraint gap_pkey primary key (entity, from_id),
add constraint gap_ranges_are_disjoint
exclude using gist (int8range(from_id, to_id, '[]') with &&, meta.text_range(entity, entity, '[]') with =);
drop index meta.sales_gap_open;
create index gap_open on meta.gap (entity, from_id) where status = 'OPEN';

alter table meta.sales_backfill rename to backfill_range;
alter table meta.backfill_range add column entity text not null default 'sales';
alter table meta.backfill_range alter column entity drop default;
alter table meta.backfill_range rename constraint sales_backfill_is_a_range to backfill_range_is_a_range;
alter table meta.backfill_range rename constraint sales_backfill_stays_inside to backfill_range_stays_inside;
alter table meta.backfill_range rename constraint sales_backfill_load_id_fkey to backfill_range_load_id_fkey;
alter table meta.backfill_range
drop constraint sales_backfill_pkey,
drop constraint sales_backfill_ranges_are_disjoint,
add constraint backfill_range_pkey primary key (entity, from_id),
add constraint backfill_range_ranges_are_disjoint
exclude using gist (int8range(from_id, to_id, '[]') with &&, meta.text_range(entity, entity, '[]') with =);
