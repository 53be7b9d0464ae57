-- The statements of portal/standing.py. Each starts at a line "-- name: …" and ends at the next one. The page sends one
-- of them a second at most, whoever looks at it.

-- name: standing
-- Where the data stands: one row with one object. What it says of runs and checks is what report/pipeline.sql says.
with recent_load as (
    select *
    from meta.load
    where load_id > (select coalesce(max(load_id), 0) - 1000 from meta.load)
),

run as (
    select
        run_id,
        min(load_id) as first_load,
        min(started_at) as started_at,
        max(ended_at) as ended_at,
        bool_or(status = 'RUNNING') as is_running,
        bool_or(status = 'FAILED' and dataset <> 'dbt_run_nightly') as has_failed,
        coalesce(sum(rows_read) filter (where layer = 'bronze'), 0)::bigint as records
    from recent_load
    group by run_id
    having count(distinct dataset) filter (where layer = 'bronze') > 1
),

last_check as (
    select distinct on (dataset)
        dataset,
        status,
        checked_at,
        abs(silver_count - coalesce(gold_count, silver_count)) as lines_behind
    from meta.reconciliation
    where reconciliation_id > (select coalesce(max(reconciliation_id), 0) - 1000 from meta.reconciliation)
    order by dataset asc, reconciliation_id desc
),

holding as (
    select
        'bronze' as layer,
        dataset as name,
        sum(records)::bigint as records
    from meta.bronze_file
    where retired_at is null and expired_at is null
    group by dataset
    union all
    -- As Postgres counts: to count a table takes as long as it is large.
    select
        pg_namespace.nspname as layer,
        pg_class.relname as name,
        coalesce(nullif(pg_stat_get_live_tuples(pg_class.oid), 0), greatest(pg_class.reltuples, 0))::bigint as records
    from pg_class
    inner join pg_namespace on pg_class.relnamespace = pg_namespace.oid
    where pg_class.relkind = 'r' and format('%%s.%%s', pg_namespace.nspname, pg_class.relname) = any(%(tables)s)
)

select
    jsonb_build_object(
        'last_run', (select to_jsonb(run) from run order by first_load desc limit 1),
        'last_ended_run', (select to_jsonb(run) from run where not is_running order by first_load desc limit 1),
        'pulled_at', (
            select max(ended_at)
            from recent_load
            where layer = 'bronze' and dataset = 'sales' and status = 'SUCCESS'
        ),
        -- The last sales by id: a late-arriving one is older.
        'newest_sale_at', (
            select max(last_sale.sold_at)
            from (select sold_at from silver.sales_customer order by sale_id desc limit 200) as last_sale
            where last_sale.sold_at <= %(now)s
        ),
        'watermarks', (select jsonb_object_agg(entity, updated_at) from meta.ingestion_state where load_id is not null),
        'incidents', (
            select jsonb_agg(to_jsonb(incident) order by incident.opened_at)
            from (
                select
                    task_id,
                    opened_at,
                    cause,
                    remedy
                from meta.incident
                where status = 'OPEN'
                order by opened_at
                limit 20
            ) as incident
        ),
        'open_incidents', (select count(*) from meta.incident where status = 'OPEN'),
        'open_anomalies', (select count(*) from meta.vw_open_anomalies),
        'checks', (select jsonb_agg(to_jsonb(last_check)) from last_check),
        'differences', (
            select jsonb_object_agg(open_difference.dataset, open_difference.checks)
            from (
                select
                    dataset,
                    count(*) as checks
                from meta.vw_open_differences
                group by dataset
            ) as open_difference
        ),
        'has_unchecked', exists (
            select from recent_load
            where
                layer = 'silver' and status = 'SUCCESS' and rows_inserted + rows_updated > 0
                and ended_at > (select coalesce(max(checked_at), '-infinity') from meta.reconciliation)
        ),
        'has_stale_nightly', exists (
            select from meta.load
            where
                layer = 'gold' and dataset = 'dbt_run_nightly' and status = 'FAILED'
                and load_id > (select coalesce(max(load_id), 0) from meta.nightly_build)
        ),
        'open_records', (select count(*) from meta.rejected_record where status = 'OPEN'),
        'holdings', (select jsonb_agg(to_jsonb(holding)) from holding)
    ) as standing;

-- name: revenue
-- Net amount of the last day that is over, in the currency that sells most, and of the same weekday before. Days are
-- UTC. No row before Gold has a sale.
with last_sale as (
    select
        date_trunc('day', max(sold_hour) filter (where sold_hour <= %(now)s), 'UTC') as today,
        date_trunc('day', min(sold_hour), 'UTC') as first_day
    from gold.mart_sales_by_hour
),

last_day as (
    select
        today,
        first_day,
        greatest(today - interval '1 day', first_day) as sold_on
    from last_sale
    where today is not null
),

main_currency as (
    select mart_sales_by_hour.currency
    from gold.mart_sales_by_hour
    inner join last_day
        on
            mart_sales_by_hour.sold_hour >= last_day.sold_on - interval '27 days'
            and mart_sales_by_hour.sold_hour < last_day.today + interval '1 day'
    group by mart_sales_by_hour.currency
    order by sum(abs(mart_sales_by_hour.net_amount)) desc, mart_sales_by_hour.currency asc
    limit 1
)

select
    (last_day.sold_on at time zone 'UTC')::date as sold_on,
    main_currency.currency,
    coalesce(sum(sold.net_amount) filter (where sold.sold_hour >= last_day.sold_on), 0) as net_amount,
    case
        when last_day.sold_on - interval '7 days' >= last_day.first_day
            then coalesce(sum(sold.net_amount) filter (where sold.sold_hour < last_day.sold_on), 0)
    end as week_before
from last_day
cross join main_currency
left join gold.mart_sales_by_hour as sold
    on
        main_currency.currency = sold.currency
        and (
            (sold.sold_hour >= last_day.sold_on and sold.sold_hour < last_day.sold_on + interval '1 day')
            or (
                sold.sold_hour >= last_day.sold_on - interval '7 days'
                and sold.sold_hour < last_day.sold_on - interval '6 days'
            )
        )
group by last_day.sold_on, last_day.first_day, main_currency.currency;
