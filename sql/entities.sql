-- Entities and datasets as they are declared; those that are not any more stay.
-- Written by `python -m medallion.entities` from medallion/entities: change it there.

insert into meta.entity (entity, ordered_by)
values
('customers', 'updated_at'),
('products', 'updated_at'),
('stores', 'updated_at'),
('sales', 'id'),
('top_up', 'delivery'),
('pre_deduction', 'delivery'),
('post_deduction', 'delivery'),
('op_stats', 'delivery')
on conflict (entity) do update set ordered_by = excluded.ordered_by;

insert into meta.ingestion_state (entity, cursor_name)
values
('customers', 'updated_at'),
('products', 'updated_at'),
('stores', 'updated_at'),
('sales', 'last_sales_id'),
('top_up', 'delivery'),
('pre_deduction', 'delivery'),
('post_deduction', 'delivery'),
('op_stats', 'delivery')
on conflict (entity) do nothing;

-- What was personal once stays so: Silver and Gold may hold it still. Only a migration can take a name out again.
insert into meta.dataset (dataset, entity, personal_columns)
values
('customers', 'customers', '{first_name, last_name, email, phone}'),
('products', 'products', '{}'),
('stores', 'stores', '{}'),
('sales_customer', 'sales', '{}'),
('sales_product', 'sales', '{}'),
('top_up', 'top_up', '{}'),
('pre_deduction', 'pre_deduction', '{}'),
('post_deduction', 'post_deduction', '{}'),
('op_stats', 'op_stats', '{}')
on conflict (dataset) do update set
    entity = excluded.entity,
    personal_columns = array(
        select distinct unnest(dataset.personal_columns || excluded.personal_columns) as one order by one -- noqa: RF01
    );
