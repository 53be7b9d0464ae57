-- name: before
insert into meta.load (run_id, layer, dataset, status, ended_at)
values ('hour', 'bronze', 'customers', 'SUCCESS', now()), ('hour', 'silver', 'customers', 'SUCCESS', now());
insert into meta.entity (entity, ordered_by) values ('customers', 'updated_at'), ('sales', 'id')
on conflict do nothing;
insert into meta.dataset (dataset, entity) values ('customers', 'customers'), ('sales_customer', 'sales')
on conflict do nothing;
insert into meta.bronze_file (path, dataset, load_id, part, records, bytes, sha256, cursor_through, silver_load_id)
select name, name, 1, 0, 1, 1, repeat('a', 64), '1', taken
from (values ('customers', 2), ('sales_customer', 2), ('sales_product', null::bigint)) as file (name, taken);

-- name: the_versions_in_a_file_of_customers_are_not_kept_yet
select not has_versions from meta.bronze_file where path = 'customers';

-- name: a_file_of_sales_that_was_taken_has_none
select has_versions from meta.bronze_file where path = 'sales_customer';

-- name: a_file_that_was_not_taken_yet_is_taken_with_its_versions
select not has_versions from meta.bronze_file where path = 'sales_product';
