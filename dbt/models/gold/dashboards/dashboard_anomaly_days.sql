with judged as (

    select
        max(judged_until) as until,
        -- The first judgement looks at the four weeks before it, and each later one resumes there.
        max(judged_until) - interval '28 days' as since
    from {{ source('meta', 'kpi_judgement') }}

),

began as (

    select
        (started_at at time zone 'UTC')::date as started_date,
        level,
        count(*) as anomaly_count
    from {{ source('gold', 'kpi_anomaly') }}
    group by 1, 2

),

day as (

    select generate_series(
        least(judged.since at time zone 'UTC', (select min(started_date) from began)::timestamp)::date,
        (judged.until at time zone 'UTC')::date,
        interval '1 day'
    )::date as started_date
    from judged

)

select
    day.started_date,
    case when known.level = 'total' then 'all sales' else known.level end as level,
    coalesce(began.anomaly_count, 0)::integer as anomaly_count
from day
cross join (values ('total'), ('channel'), ('store'), ('category')) as known (level)
left join began on day.started_date = began.started_date and known.level = began.level
