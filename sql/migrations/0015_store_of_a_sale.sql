-- The key of the store in the change log of the sales fact. dbt builds the fact itself again, as its model has other
-- columns now. The second `alter` writes the table once, without dead rows; an update would leave it twice as large.

alter table gold.sales_item_change add column store_key uuid;
alter table gold.sales_item_change
alter column store_key type uuid using md5('store:' || store_id::text)::uuid,
alter column store_key set not null;
