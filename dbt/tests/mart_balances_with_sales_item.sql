-- The mart's figures are those of the fact, to the cent, for every customer, day and currency that the run has touched:
-- by a line that is new, by a line that has moved, by figures that were just worked out. Where every line is new the
-- fact was built again, and any figure of the mart may be one that no line stands for any more: all of both are
-- compared. Written by hand: it checks the definitions of the figures (metrics.yml), too.
{{ config(tags=['mart']) }}

{% set is_whole = is_all_new('sales_item') %}

with touched as ( -- noqa: ST03

    {{ changed('sales_item', ['customer_key', 'sold_date', 'currency'], '_load_id > ' ~ tested('gold.sales_item')) }}

    union

    select
        customer_key,
        sold_date,
        currency
    from {{ ref('mart_sales_by_customer') }}
    where _load_id > {{ tested('gold.mart_sales_by_customer') }}

),

mart as (

    select mart.*
    from {{ ref('mart_sales_by_customer') }} as mart
    {% if not is_whole %}
        inner join touched using (customer_key, sold_date, currency)
    {% endif %}

),

fact as (

    select
        item.customer_key,
        item.sold_date,
        item.currency,
        count(distinct item.sale_id) filter (where not item.is_return) as sale_count,
        count(distinct item.sale_id) filter (where item.is_return) as return_count,
        count(*) as line_count,
        sum(item.quantity) as quantity,
        coalesce(-sum(item.quantity) filter (where item.is_return), 0) as returned_quantity,
        sum(item.gross_amount) as gross_amount,
        sum(item.discount_amount) as discount_amount,
        sum(item.net_amount) as net_amount,
        coalesce(-sum(item.net_amount) filter (where item.is_return), 0) as returned_amount,
        coalesce(sum(item.cost_amount), 0) as cost_amount,
        coalesce(sum(item.net_amount) filter (where item.cost_amount is not null), 0) as costed_net_amount,
        coalesce(sum(item.net_amount - item.cost_amount), 0) as margin_amount
    from {{ ref('sales_item') }} as item
    {% if not is_whole %}
        inner join touched using (customer_key, sold_date, currency)
    {% endif %}
    group by item.customer_key, item.sold_date, item.currency

)

select
    customer_key,
    sold_date,
    currency,
    mart.line_count as mart_line_count,
    fact.line_count as fact_line_count,
    mart.net_amount as mart_net_amount,
    fact.net_amount as fact_net_amount
from mart
full join fact using (customer_key, sold_date, currency)
where
    (
        mart.sale_count, mart.return_count, mart.line_count, mart.quantity, mart.returned_quantity,
        mart.gross_amount, mart.discount_amount, mart.net_amount, mart.returned_amount,
        mart.cost_amount, mart.costed_net_amount, mart.margin_amount
    ) is distinct from (
        fact.sale_count, fact.return_count, fact.line_count, fact.quantity, fact.returned_quantity,
        fact.gross_amount, fact.discount_amount, fact.net_amount, fact.returned_amount,
        fact.cost_amount, fact.costed_net_amount, fact.margin_amount
    )
