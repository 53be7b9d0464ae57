-- name: before
-- A fact as dbt has built it before, as far as it matters, and a line that has moved to another store.
create table gold.sales_item (sales_item_id text primary key, store_id integer not null, _load_id bigint);
insert into gold.sales_item
select
    n || '-1' as sales_item_id,
    n % 3 + 1 as store_id,
    1 as _load_id
from generate_series(1, 100) as n;
insert into gold.sales_item_change
values (
    2, '1-1', 1, md5('customer:7')::uuid, md5('product:8')::uuid, 7, 8, '2026-11-01T00:00:00Z', '2026-11-01', 3,
    'store', 'card', 'EUR', false
);

-- name: each_line_has_the_key_of_its_store
select count(*) = 100 and bool_and(store_key = md5('store:' || store_id)::uuid)
from gold.sales_item;

-- name: what_the_log_says_of_a_move_has_the_store_it_left
select count(*) = 1 and bool_and(store_key = md5('store:3')::uuid)
from gold.sales_item_change;

-- name: the_fact_is_found_by_its_key_still
select count(*) = 1
from pg_index
where indrelid = 'gold.sales_item'::regclass and indisprimary and indisvalid;
