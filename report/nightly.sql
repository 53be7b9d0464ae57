-- The statements of report/nightly.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: built_for
-- The business date of nightly tables, the earliest if they differ; null while one of them does not exist.
select case when count(*) = cardinality(%(models)s::text []) then min(business_date) end
from meta.nightly_build
where model = any(%(models)s::text []) and to_regclass(format('gold.%%I', model)) is not null;
