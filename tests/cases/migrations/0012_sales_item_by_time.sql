-- name: before
-- A fact as dbt has built it before, as far as it matters.
create table gold.sales_item (sale_id bigint, sold_at timestamptz, store_id integer, _load_id bigint);
insert into gold.sales_item select n, '2026-11-01T00:00:00Z'::timestamptz + n * interval '1 hour', 1, 1
from generate_series(1, 100) as n;

-- name: the_fact_is_found_by_time
select count(*) = 1
from pg_index
inner join pg_class on pg_class.oid = indexrelid
where
    indrelid = 'gold.sales_item'::regclass
    and pg_get_indexdef(indexrelid) like '%USING brin (sold_at timestamptz_minmax_multi_ops)';

-- name: every_line_stays
select count(*) = 100 from gold.sales_item;
