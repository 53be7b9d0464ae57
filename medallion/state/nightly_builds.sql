-- The statements of medallion/state/nightly_builds.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: nightly_builds
-- Nightly tables, their business dates, and whether they were built from Gold as it is now. Core and marts take
-- increments, so each has its rows in meta.gold_state; no nightly table reads another one of Gold.
select
    built.model,
    built.business_date,
    not exists (
        select from meta.load as later
        where
            later.layer = 'gold'
            and later.load_id > built.load_id
            and later.rows_inserted + later.rows_updated > 0
            and later.dataset in (select model from meta.gold_state)
    ) as is_current
from meta.nightly_build as built
where to_regclass(format('gold.%%I', built.model)) is not null
order by built.model;

-- name: missing_tables
-- Tables that do not exist, in the order of their names.
select named.table_name
from unnest(%(tables)s::text []) as named (table_name)
where to_regclass(named.table_name) is null
order by named.table_name;
