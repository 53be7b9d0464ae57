with customer_month as (

    select
        customer_id,
        currency,
        {{ month_of_cohorts('event_date') }} as month,
        count(*) filter (where is_purchase) as sale_count,
        count(*) filter (where not is_purchase) as return_count,
        sum(net_amount) as net_amount,
        sum(margin_amount) as margin_amount
    from {{ ref('fct_customer_behavior') }}
    where currency is not null
    group by customer_id, currency, {{ month_of_cohorts('event_date') }}

),

life as (

    select
        *,
        min(month) filter (where sale_count > 0) over (partition by customer_id, currency) as cohort
    from customer_month

),

-- A return that is dated before the first purchase counts in the first month, so that the rows add up to the fact. Its
-- customer is active there already.
activity as (

    select
        currency,
        cohort,
        greatest(month, cohort) as month,
        count(*) filter (where sale_count > 0) as active_customer_count,
        sum(sale_count)::bigint as sale_count,
        sum(return_count)::bigint as return_count,
        sum(net_amount) as net_amount,
        sum(margin_amount) as margin_amount
    from life
    where cohort is not null
    group by currency, cohort, greatest(month, cohort)

),

grid as (

    select
        cohort.currency,
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
    grid.currency,
    {{ month_of_index('grid.month') }} as activity_month,
    {{ month_of_index('grid.month + 1') }} <= {{ business_date() }} + 1 as is_complete,
    grid.customer_count,
    coalesce(activity.active_customer_count, 0) as active_customer_count,
    coalesce(activity.sale_count, 0) as sale_count,
    coalesce(activity.return_count, 0) as return_count,
    coalesce(activity.net_amount, 0)::numeric(38, 2) as net_amount,
    coalesce(activity.margin_amount, 0)::numeric(38, 2) as margin_amount,
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from grid
left join activity
    on grid.currency = activity.currency and grid.cohort = activity.cohort and grid.month = activity.month
