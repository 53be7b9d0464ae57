with active_month as (

    select distinct
        customer_id,
        {{ month_of_cohorts('event_date') }} as month
    from {{ ref('fct_customer_behavior') }}
    where is_purchase

),

life as (

    select
        month,
        min(month) over (partition by customer_id) as cohort
    from active_month

),

activity as (

    select
        cohort,
        month,
        count(*) as active_customer_count
    from life
    group by cohort, month

),

-- A month without an active customer has its row, so that a cohort is a row of a pivot without holes. In its first
-- month all of a cohort's customers are active.
grid as (

    select
        cohort.cohort,
        cohort.active_customer_count as customer_count,
        month.month
    from activity as cohort
    cross join lateral generate_series(cohort.cohort, {{ month_index(business_date()) }}) as month (month)
    where cohort.cohort = cohort.month

)

select
    {{ month_of_index('grid.cohort') }} as cohort_month,
    grid.month - grid.cohort as month_number,
    {{ month_of_index('grid.month') }} as activity_month,
    {{ month_of_index('grid.month + 1') }} <= {{ business_date() }} + 1 as is_complete,
    grid.customer_count,
    coalesce(activity.active_customer_count, 0) as active_customer_count,
    round(coalesce(activity.active_customer_count, 0)::numeric / grid.customer_count, 6)::numeric(7, 6)
        as retention_share,
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from grid
left join activity on grid.cohort = activity.cohort and grid.month = activity.month
