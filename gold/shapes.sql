-- The statement of gold/shapes.py.

-- name: columns_of_gold
-- The columns of each table of Gold.
select
    built.relname::text as table_name,
    array_agg(attribute.attname::text) as column_names
from pg_class as built
inner join pg_attribute as attribute on built.oid = attribute.attrelid
where
    built.relnamespace = to_regnamespace('gold') and built.relkind = 'r'
    and attribute.attnum > 0 and not attribute.attisdropped
group by built.relname;
