-- The nightly tables about customers hold what the fact holds up to their business date, per currency and to the cent:
-- the events all of it; the cohorts and the lifetime values that of the customers who bought in the currency.
{{ config(tags=['nightly']) }}

with bound as (

    select max(business_date) as business_date
    from {{ ref('fct_customer_behavior') }}

),

customer as (

    select
        item.customer_id,
        item.currency,
        count(distinct item.sale_id) filter (where not item.is_return) as sale_count,
        count(distinct item.sale_id) filter (where item.is_return) as return_count,
        sum(item.net_amount) as net_amount
    from {{ ref('sales_item') }} as item
    inner join bound on item.sold_date <= bound.business_date
    group by item.customer_id, item.currency

),

total as (

    select
        'sales_item' as name,
        false as is_of_buyers,
        currency,
        sum(sale_count) as sale_count,
        sum(return_count) as return_count,
        sum(net_amount) as net_amount
    from customer
    group by currency

    union all

    select
        'fct_customer_behavior' as name,
        false as is_of_buyers,
        currency,
        count(*) filter (where is_purchase) as sale_count,
        count(*) filter (where not is_purchase) as return_count,
        sum(net_amount) as net_amount
    from {{ ref('fct_customer_behavior') }}
    where currency is not null
    group by currency

    union all

    select
        'sales_item' as name,
        true as is_of_buyers,
        currency,
        sum(sale_count) as sale_count,
        sum(return_count) as return_count,
        sum(net_amount) as net_amount
    from customer
    where sale_count > 0
    group by currency

    union all

    select
        'mart_customer_cohort_sales' as name,
        true as is_of_buyers,
        currency,
        sum(sale_count) as sale_count,
        sum(return_count) as return_count,
        sum(net_amount) as net_amount
    from {{ ref('mart_customer_cohort_sales') }}
    group by currency

    union all

    select
        'mart_customer_lifetime_value' as name,
        true as is_of_buyers,
        currency,
        sum(sale_count) as sale_count,
        sum(return_count) as return_count,
        sum(net_amount) as net_amount
    from {{ ref('mart_customer_lifetime_value') }}
    group by currency

)

select
    currency,
    is_of_buyers,
    array_agg(name || ': ' || sale_count || ' sales, ' || net_amount order by name) as totals
from total
group by currency, is_of_buyers
having count(*) <> 2 + is_of_buyers::integer or count(distinct row(sale_count, return_count, net_amount)) > 1
