-- The statements of report/pipeline.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: last_checks
-- The last check of each dataset against the source. Headers and lines of sales are checked together.
select distinct on (dataset)
    dataset,
    status,
    difference,
    checked_at,
    after_id,
    up_to_id,
    updated_after,
    updated_up_to,
    source_count,
    bronze_count,
    silver_count,
    gold_count,
    rejected_count,
    late_count,
    accepted_count,
    source_net_amount,
    silver_net_amount,
    gold_net_amount
from meta.reconciliation
where reconciliation_id > (select coalesce(max(reconciliation_id), 0) - 1000 from meta.reconciliation)
order by dataset asc, reconciliation_id desc;

-- name: unchecked
-- Whether Silver has changed since the last check, as while a run is under way, or after one that never came to it.
select
    exists (
        select from meta.load
        where
            layer = 'silver' and status = 'SUCCESS' and rows_inserted + rows_updated > 0
            and load_id > (select coalesce(max(load_id), 0) - 1000 from meta.load)
            and ended_at > (select coalesce(max(checked_at), '-infinity') from meta.reconciliation)
    ) as has_unchecked;

-- name: stale_nightly
-- Whether the nightly tables have failed, and were not built since.
select
    exists (
        select from meta.load
        where
            layer = 'gold' and dataset = 'dbt_run_nightly' and status = 'FAILED'
            and load_id > (select coalesce(max(load_id), 0) from meta.nightly_build)
    ) as has_stale_nightly;

-- name: settled_sales
-- Checks of sales that found nothing open, from the last check of everything on: one row per range of ids.
with base as (
    select coalesce(max(reconciliation_id), 0) as reconciliation_id
    from meta.reconciliation
    where dataset = 'sales_product' and is_settled and after_id = 0
),

since_base as (
    select found.*
    from meta.reconciliation as found
    cross join base
    where found.is_settled and found.reconciliation_id >= base.reconciliation_id - 1
)

select distinct on (lines.after_id, lines.up_to_id)
    lines.after_id,
    lines.up_to_id,
    lines.status,
    headers.source_count as source_sales,
    headers.bronze_count as bronze_sales,
    headers.silver_count as silver_sales,
    lines.source_count as source_lines,
    lines.bronze_count as bronze_lines,
    lines.silver_count as silver_lines,
    lines.gold_count as gold_lines,
    lines.source_net_amount,
    lines.silver_net_amount,
    lines.gold_net_amount
from since_base as lines
inner join since_base as headers
    on
        lines.run_id = headers.run_id
        and lines.after_id = headers.after_id
        and lines.up_to_id = headers.up_to_id
        and headers.dataset = 'sales_customer'
where lines.dataset = 'sales_product'
order by lines.after_id asc, lines.up_to_id asc, lines.reconciliation_id desc;

-- name: open_differences
-- Differences that no later check has resolved.
select
    dataset,
    status,
    difference,
    checked_at
from meta.vw_open_differences
order by checked_at desc
limit 20;

-- name: quarantine
-- Open records in quarantine, by dataset and reason, most frequent first.
select
    dataset,
    reason,
    field,
    count(*) as records,
    min(first_seen_at) as first_seen_at,
    min(rejected_record_id) as example
from meta.rejected_record
where status = 'OPEN'
group by dataset, reason, field
order by count(*) desc, dataset, reason
limit 20;

-- name: resolved
-- Records that left quarantine, and open ones.
select
    count(*) filter (where status = 'OPEN') as open_records,
    count(*) filter (where status <> 'OPEN') as closed_records
from meta.rejected_record;

-- name: gaps
-- Sale ids that were passed over: still asked for, and expired.
select
    coalesce(sum(to_id - from_id + 1) filter (where status = 'OPEN'), 0)::bigint as open_ids,
    coalesce(sum(to_id - from_id + 1) filter (where status = 'EXPIRED'), 0)::bigint as expired_ids
from meta.gap
where status <> 'FILLED';

-- name: incidents
-- Open incidents, oldest first.
select
    entity,
    task_id,
    opened_at,
    times,
    cause,
    remedy
from meta.incident
where status = 'OPEN'
order by opened_at;

-- name: freshness
-- When each dataset of Silver last changed.
select
    dataset.dataset,
    (
        select max(load.ended_at)
        from meta.load
        where
            load.layer = 'silver' and load.dataset = dataset.dataset and load.status = 'SUCCESS'
            and load.rows_inserted + load.rows_updated > 0
    ) as changed_at
from meta.dataset
order by dataset.dataset;

-- name: runs
-- The last runs that have ended, newest first: when they began and ended, and what they brought from the source. A
-- step that a person started by hand pulls one entity at most: it isn't a run. Nightly tables that failed in a run
-- fail no run.
with last_run as (
    select
        run_id,
        min(load_id) as first_load,
        min(started_at) as started_at,
        max(ended_at) as ended_at,
        bool_or(status = 'FAILED' and dataset <> 'dbt_run_nightly') as has_failed,
        sum(rows_read) filter (where layer = 'bronze') as records
    from meta.load
    where load_id > (select coalesce(max(load_id), 0) - 1000 from meta.load)
    group by run_id
    having count(distinct dataset) filter (where layer = 'bronze') > 1 and not bool_or(status = 'RUNNING')
)

select
    run_id,
    started_at,
    extract(epoch from ended_at - started_at)::float as seconds,
    has_failed,
    coalesce(records, 0)::bigint as records
from last_run
where ended_at is not null
order by first_load desc
limit 24;

-- name: last_build
-- What the last run that built a model has found, worst first. A step that was tried again counts as it ended.
with ended as (
    select distinct on (kind, model, name) *
    from meta.gold_result
    where run_id = (
        select last.run_id
        from meta.gold_result as last
        where last.kind = 'model'
        order by last.result_id desc
        limit 1
    )
    order by kind, model, name, result_id desc
)

select
    kind,
    name,
    model,
    status,
    message
from ended
order by status, result_id;

-- name: steps
-- How long each step of a run took.
select
    layer,
    dataset,
    status,
    extract(epoch from coalesce(ended_at, %(now)s) - started_at)::float as seconds,
    rows_read
from meta.load
where run_id = %(run_id)s
order by load_id;
