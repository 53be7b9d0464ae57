-- What people look at: the last loads, how long they take, and what Gold has not taken yet.

create or replace view meta.vw_recent_etl_runs as
select
    load_id,
    run_id,
    layer,
    dataset,
    status,
    started_at,
    ended_at,
    extract(epoch from coalesce(ended_at, clock_timestamp()) - started_at)::numeric(12, 3)
        as duration_seconds,
    rows_read,
    rows_inserted,
    rows_updated,
    rows_unchanged,
    rows_superseded,
    rows_rejected,
    bytes,
    error_message
from meta.load
order by load_id desc
limit 200;

comment on view meta.vw_recent_etl_runs is 'The last 200 loads, newest first.';

create or replace view meta.vw_etl_performance_summary as
select
    layer,
    dataset,
    count(*) as load_count,
    count(*) filter (where status = 'FAILED') as failed_count,
    max(ended_at) filter (where status = 'SUCCESS') as last_success_at,
    avg(extract(epoch from ended_at - started_at))::numeric(12, 3) as average_seconds,
    max(extract(epoch from ended_at - started_at))::numeric(12, 3) as slowest_seconds,
    sum(rows_read) as rows_read,
    (
        sum(rows_read) / nullif(sum(extract(epoch from ended_at - started_at)), 0)
    )::bigint as rows_per_second
from meta.load
where started_at > now() - interval '30 days'
group by layer, dataset
order by layer, dataset;

comment on view meta.vw_etl_performance_summary is 'Last 30 days. One row per layer and dataset.';

create or replace view meta.vw_gold_pending as
select
    model,
    source_table,
    load_id as taken_load_id,
    meta.last_load_id(source_table) as last_load_id
from meta.gold_state
where meta.last_load_id(source_table) > load_id;

comment on view meta.vw_gold_pending is 'What Gold has not taken yet. One row per reader and table.';

create or replace view meta.vw_open_differences as
select
    found.run_id,
    found.after_id,
    found.up_to_id,
    found.status,
    found.difference,
    found.checked_at
from meta.reconciliation as found
where
    found.dataset = 'sales_product'
    and found.status in ('LATE', 'DIFFERENT')
    and not exists (
        select from meta.reconciliation as later
        where
            later.dataset = found.dataset
            and later.reconciliation_id > found.reconciliation_id
            and later.status in ('BALANCED', 'ACCEPTED')
            and later.after_id <= found.after_id
            and later.up_to_id >= found.up_to_id
    );

comment on view meta.vw_open_differences is 'Differences that no later check has found gone. One row per check.';
