-- The mart's figures are those of the fact, to the cent, for every customer and day it has just worked out.
{{ config(tags=['mart']) }}

with mart as (

    select
        customer_key,
        sold_date,
        line_count,
        net_amount
    from {{ ref('mart_sales_by_customer') }}
    where _load_id > {{ tested('gold.mart_sales_by_customer') }}

),

fact as (

    select
        item.customer_key,
        item.sold_date,
        count(*) as line_count,
        sum(item.net_amount) as net_amount
    from {{ ref('sales_item') }} as item
    {% if not var('full_tests') %}
        inner join mart
            on
                item.customer_key = mart.customer_key
                and item.sold_date = mart.sold_date
    {% endif %}
    group by item.customer_key, item.sold_date

)

select
    customer_key,
    sold_date,
    mart.line_count as mart_line_count,
    fact.line_count as fact_line_count,
    mart.net_amount as mart_net_amount,
    fact.net_amount as fact_net_amount
from mart
full outer join fact using (customer_key, sold_date)
where
    mart.line_count is distinct from fact.line_count
    or mart.net_amount is distinct from fact.net_amount
