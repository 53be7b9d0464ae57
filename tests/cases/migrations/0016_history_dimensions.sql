-- name: before
-- A line that has moved, which the marts of the version before have not taken.
insert into gold.sales_item_change (
    _load_id, sales_item_id, sale_id, customer_key, product_key, store_key, customer_id, product_id, sold_at, sold_date,
    store_id, channel, payment_method, currency, is_return
)
values (
    2, '1-1', 1, md5('customer:7')::uuid, md5('product:8')::uuid, md5('store:3')::uuid, 7, 8, '2026-11-01T00:00:00Z',
    '2026-11-01', 3, 'store', 'card', 'EUR', false
);

-- name: the_log_of_the_fact_begins_empty
select not exists (select from gold.sales_item_change);

-- name: the_server_can_hold_that_versions_do_not_overlap
select exists (select from pg_extension where extname = 'btree_gist');
