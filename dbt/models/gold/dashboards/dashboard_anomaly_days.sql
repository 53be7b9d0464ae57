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
    group by (started_at at time zone 'UTC')::date, level

),

known as (

    select
        least(judged.since at time zone 'UTC', min(began.started_date)::timestamp)::date as first_day,
        (judged.until at time zone 'UTC')::date as last_day
    from judged
    left join began on true
    group by judged.since, judged.until

),

day as (

    select generate_series(known.first_day, known.last_day, interval '1 day')::date as started_date
    from known

)

select
    day.started_date,
    case when slice.level = 'total' then 'all sales' else slice.level end as level,
    coalesce(began.anomaly_count, 0)::integer as anomaly_count
from day
cross join (values ('total'), ('channel'), ('store'), ('category')) as slice (level)
left join began on day.started_date = began.started_date and slice.level = began.level
