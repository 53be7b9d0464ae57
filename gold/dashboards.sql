-- The statement of gold/dashboards.py.

-- name: comments_of_readers
-- The comment of the function that each view of Gold reads: it ends with the view's definition.
select
    shown.relname::text as view_name,
    coalesce(obj_description(reading.oid, 'pg_proc'), '') as comment
from pg_class as shown
inner join pg_proc as reading
    on shown.relnamespace = reading.pronamespace and reading.proname = 'read_' || shown.relname
where shown.relnamespace = to_regnamespace('gold') and shown.relkind = 'v';
