-- name: before
-- A line that has moved to another store.
insert into gold.sales_item_change
values (
    2, '1-1', 1, md5('customer:7')::uuid, md5('product:8')::uuid, 7, 8, '2026-11-01T00:00:00Z', '2026-11-01', 3,
    'store', 'card', 'EUR', false
);

-- name: what_the_log_says_of_a_move_has_the_store_it_left
select count(*) = 1 and bool_and(store_key = md5('store:3')::uuid)
from gold.sales_item_change;
