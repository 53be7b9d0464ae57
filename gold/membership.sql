-- The statement of gold/membership.py.

-- name: is_any_loaded
-- Whether a load has ever written a row to one of the tables, named `silver.top_up`.
select coalesce(max(meta.last_load_id(one.table_name)) > 0, false)
from unnest(%(tables)s::text []) as one (table_name);
