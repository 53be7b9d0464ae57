-- Views for operators: the last loads, how long they take, and what Gold has not taken yet.

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
    error_message,
    error_type,
    remedy,
    exit_code
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
where model <> 'core_test' and meta.last_load_id(source_table) > load_id;

comment on view meta.vw_gold_pending is 'What Gold has not taken yet. One row per reader and table.';

create or replace view meta.vw_history_start as
select
    dataset.dataset,
    max(file.landed_at) as complete_since,
    count(file.path) = 0 as is_whole
from meta.dataset
left join meta.bronze_file as file
    on
        dataset.dataset = file.dataset
        and not file.has_versions
        and (file.silver_load_id is not null or file.retired_at is not null)
where to_regclass(format('silver.%I', dataset.dataset || '_version')) is not null
group by dataset.dataset;

comment on view meta.vw_history_start is 'How far back the versions in Silver go. One row per table with versions. '
'Complete since: all that landed later is there; null: all that ever landed. Older versions may be missing where '
'retention had removed their files before versions were kept.';

create or replace view meta.vw_open_differences as
select
    found.run_id,
    found.after_id,
    found.up_to_id,
    found.status,
    found.difference,
    found.checked_at,
    found.dataset,
    found.updated_after
from meta.reconciliation as found
where
    found.dataset <> 'sales_customer'
    and not found.is_settled
    and not exists (
        select from meta.reconciliation as later
        where
            later.dataset = found.dataset
            and later.reconciliation_id > found.reconciliation_id
            and later.is_settled
            and later.status <> 'UNCHECKED'
            and case
                when found.dataset = 'sales_product'
                    then later.after_id <= found.after_id and later.up_to_id >= found.up_to_id
                else later.updated_after is null or later.updated_after <= found.updated_after
            end
    );

comment on view meta.vw_open_differences is 'Differences that no later check has resolved. One row per check; headers '
'and lines of sales are checked together.';

-- Former names of gaps and ranges, from when only sales had them.
create or replace view meta.sales_gap as
select
    from_id,
    to_id,
    first_seen_at,
    last_checked_at,
    status,
    known,
    known_ids
from meta.gap
where entity = 'sales';

comment on view meta.sales_gap is 'The gaps of sales: meta.gap without its entity. One row per range.';

create or replace view meta.sales_backfill as
select
    from_id,
    to_id,
    cursor_value,
    epoch,
    load_id,
    cursor_taken,
    planned_at,
    finished_at,
    advanced_at
from meta.backfill_range
where entity = 'sales';

comment on view meta.sales_backfill is 'The ranges of a backfill of sales: meta.backfill_range without its entity. One '
'row per range.';

create or replace view meta.vw_anomaly_verdicts as
select distinct on ((started_at at time zone 'UTC')::date, currency, level, member, direction)
    (started_at at time zone 'UTC')::date as started_on,
    currency,
    level,
    member,
    direction,
    verdict,
    note,
    given_at
from meta.anomaly_verdict
order by (started_at at time zone 'UTC')::date asc, currency asc, level asc, member asc, direction asc, verdict_id desc;

comment on view meta.vw_anomaly_verdicts is 'The last verdict on each anomaly, which is known by its day (UTC), slice '
'and direction.';

create or replace view meta.vw_open_anomalies as
select
    found.anomaly_id,
    found.started_at,
    concat_ws('_', 'anomaly', found.level, nullif(found.member, ''), found.currency, found.direction) as task_id,
    found.explanation
from gold.kpi_anomaly as found
left join meta.vw_anomaly_verdicts as said
    on
        (found.started_at at time zone 'UTC')::date = said.started_on
        and (found.currency, found.level, found.member, found.direction)
        = (said.currency, said.level, said.member, said.direction)
where found.status = 'open' and said.verdict is null
order by found.started_at, found.anomaly_id;

comment on view meta.vw_open_anomalies is 'Open anomalies of the KPIs without a verdict, each with its name among the '
'incidents.';
