-- The nightly tables about customers are of one business date, and count the same customers.
{{ config(tags=['nightly']) }}

with customer_count as (

    select
        'mart_customer_rfm' as name,
        currency,
        count(*) as customer_count,
        max(business_date) as business_date
    from {{ ref('mart_customer_rfm') }}
    group by currency

    union all

    select
        'mart_customer_lifetime_value' as name,
        currency,
        count(*) as customer_count,
        max(business_date) as business_date
    from {{ ref('mart_customer_lifetime_value') }}
    group by currency

    union all

    select
        'mart_customer_cohort_sales' as name,
        currency,
        sum(customer_count) as customer_count,
        max(business_date) as business_date
    from {{ ref('mart_customer_cohort_sales') }}
    where month_number = 0
    group by currency

    union all

    select
        'rfm_segments' as name,
        currency,
        sum(customer_count) as customer_count,
        max(business_date) as business_date
    from {{ ref('rfm_segments') }}
    group by currency

    union all

    select
        'lifetime_value_totals' as name,
        currency,
        customer_count,
        business_date
    from {{ ref('lifetime_value_totals') }}

    union all

    -- Over all currencies, so under a name of its own.
    select
        'mart_customer_cohorts' as name,
        'all' as currency,
        sum(customer_count) as customer_count,
        max(business_date) as business_date
    from {{ ref('mart_customer_cohorts') }}
    where month_number = 0
    having count(*) > 0

    union all

    select
        'fct_customer_behavior' as name,
        'all' as currency,
        count(*) filter (where event_type = 'first_purchase') as customer_count,
        max(business_date) as business_date
    from {{ ref('fct_customer_behavior') }}
    having bool_or(is_purchase)

)

select
    currency,
    array_agg(name || ': ' || customer_count || ' on ' || business_date order by name) as counts
from customer_count
group by currency
having
    count(distinct row(customer_count, business_date)) > 1
    or count(*) <> case currency when 'all' then 2 else 5 end
