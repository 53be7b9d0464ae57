-- The statements of gold/build.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: fact_is_built
-- Whether the fact was ever built.
select to_regclass('gold.sales_item') is not null;

-- name: repointed_lines
-- Number of lines that the last build of the fact has pointed to another version of their customer, product or store.
select count(*)
from gold.sales_item_change as was
inner join gold.sales_item as item on was.sales_item_id = item.sales_item_id
where
    was._load_id = (
        select max(built.load_id) from meta.load as built
        where built.layer = 'gold' and built.dataset = 'sales_item' and built.status = 'SUCCESS'
    )
    and item._load_id = was._load_id
    and (item.customer_key, item.product_key, item.store_key, item.sold_at)
    = (was.customer_key, was.product_key, was.store_key, was.sold_at)
    and (item.customer_version_key, item.product_version_key, item.store_version_key)
    <> (was.customer_version_key, was.product_version_key, was.store_version_key);
