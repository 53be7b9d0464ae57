-- Registers the readers of increments: one row per reader (a dbt model, or dbt_test) and table it reads, so that the
-- check for anything to do knows a reader before its first build. Applied with every change of sql/.

insert into meta.gold_state (model, source_table)
values
('dim_customer', 'silver.customers'),
('dim_customer', 'silver.sales_customer'),
('dim_product', 'silver.products'),
('dim_product', 'silver.sales_product'),
('dim_store', 'silver.sales_customer'),
('dim_store', 'silver.stores'),
('sales_item', 'silver.sales_customer'),
('sales_item', 'silver.sales_product'),
('mart_daily_kpis', 'gold.sales_item'),
('mart_sales_by_customer', 'gold.sales_item'),
('mart_sales_by_hour', 'gold.sales_item'),
('mart_sales_by_product', 'gold.sales_item'),
('mart_sales_by_store', 'gold.sales_item'),
('dbt_test', 'silver.sales_product'),
('dbt_test', 'gold.dim_customer'),
('dbt_test', 'gold.dim_product'),
('dbt_test', 'gold.dim_store'),
('dbt_test', 'gold.sales_item'),
('dbt_test', 'gold.mart_daily_kpis'),
('dbt_test', 'gold.mart_sales_by_customer'),
('dbt_test', 'gold.mart_sales_by_hour'),
('dbt_test', 'gold.mart_sales_by_product'),
('dbt_test', 'gold.mart_sales_by_store')
on conflict (model, source_table) do nothing;
