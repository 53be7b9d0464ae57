-- The statements of stack/commands/layer_report.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: watermarks
-- The watermark of each entity, but for those of which no file has come.
select
    entity,
    cursor_name,
    cursor_value
from meta.ingestion_state
where cursor_name <> 'delivery' or cursor_value is not null
order by entity;

-- name: gaps
-- Sale ids that were passed over: those that may still come, and those that never came. From the view: a warehouse
-- that no run has upgraded yet has a table of that name.
select
    count(*) filter (where status = 'OPEN') as open_ranges,
    coalesce(sum(to_id - from_id + 1) filter (where status = 'OPEN'), 0)::bigint as open_ids,
    coalesce(sum(to_id - from_id + 1) filter (where status = 'EXPIRED'), 0)::bigint as expired_ids
from meta.sales_gap;

-- name: bronze_holdings
-- Files, records and bytes in Bronze, by dataset.
select
    dataset,
    count(*)::bigint as files,
    sum(records)::bigint as records,
    sum(bytes)::bigint as bytes
from meta.bronze_file
where retired_at is null and expired_at is null
group by dataset
order by dataset;

-- name: new_records
-- New and changed records of one run. One row per layer and dataset. Bronze by its receipts: a load may span two datasets.
select
    'bronze' as layer,
    bronze_file.dataset,
    sum(bronze_file.records)::bigint as inserted,
    0 as updated
from meta.bronze_file
inner join meta.load on bronze_file.load_id = load.load_id
where load.run_id = %(run_id)s
group by bronze_file.dataset
union all
select
    load.layer,
    load.dataset,
    sum(load.rows_inserted)::bigint as inserted,
    sum(load.rows_updated)::bigint as updated
from meta.load
where load.run_id = %(run_id)s and load.layer in ('silver', 'gold')
group by load.layer, load.dataset;

-- name: open_rejects
-- Number of open records in quarantine.
select count(*) as rejected
from meta.rejected_record
where status = 'OPEN';

-- name: keeps_versions
-- Whether this warehouse keeps versions.
select to_regclass('meta.vw_history_start') is not null;

-- name: history_start
-- Tables of which older versions may be missing.
select
    dataset,
    complete_since
from meta.vw_history_start
where not is_whole
order by dataset;

-- name: failures
-- Failed steps of a run. Through JSON, as a warehouse that no run has upgraded yet lacks some of the columns.
select
    layer,
    dataset,
    error_message,
    (to_jsonb(load) ->> 'exit_code')::integer as exit_code,
    to_jsonb(load) ->> 'error_type' as error_type,
    to_jsonb(load) ->> 'remedy' as remedy
from meta.load
where run_id = %(run_id)s and status = 'FAILED'
order by load_id;

-- name: tables
-- Tables of Silver and Gold, except those that dbt creates temporarily.
select relnamespace::regnamespace || '.' || relname as name
from pg_class
where
    relnamespace in (to_regnamespace('silver'), to_regnamespace('gold'))
    and relkind in ('r', 'p')
    and relname not like '%%\_\_dbt\_%%'
order by 1;
