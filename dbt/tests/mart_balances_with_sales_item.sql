-- The mart's figures are those of the fact, to the cent, for every customer and day that the run has touched: by a
-- line that is new, by a line that has moved, by figures that were just worked out. Where every line is new the fact
-- was built again, and any figure of the mart may be one that no line stands for any more.
{{ config(tags=['mart']) }}

with pair as (

    {{ changed('sales_item', ['customer_key', 'sold_date'], '_load_id > ' ~ tested('gold.sales_item')) }}

    union

    select
        customer_key,
        sold_date
    from {{ ref('mart_sales_by_customer') }}
    where _load_id > {{ tested('gold.mart_sales_by_customer') }}

    union

    select
        customer_key,
        sold_date
    from {{ ref('mart_sales_by_customer') }}
    where
        not exists (
            select 1 from {{ ref('sales_item') }} as item
            where item._load_id <= {{ tested('gold.sales_item') }}
        )

),

fact as (

    select
        pair.customer_key,
        pair.sold_date,
        count(distinct item.sale_id) filter (where not item.is_return) as sale_count,
        count(distinct item.sale_id) filter (where item.is_return) as return_count,
        count(*) as line_count,
        sum(item.quantity) as quantity,
        sum(item.gross_amount) as gross_amount,
        sum(item.discount_amount) as discount_amount,
        sum(item.net_amount) as net_amount
    from pair
    inner join {{ ref('sales_item') }} as item
        on
            pair.customer_key = item.customer_key
            and pair.sold_date = item.sold_date
    group by pair.customer_key, pair.sold_date

)

select
    pair.customer_key,
    pair.sold_date,
    mart.line_count as mart_line_count,
    fact.line_count as fact_line_count,
    mart.net_amount as mart_net_amount,
    fact.net_amount as fact_net_amount
from pair
left join {{ ref('mart_sales_by_customer') }} as mart
    on
        pair.customer_key = mart.customer_key
        and pair.sold_date = mart.sold_date
left join fact
    on
        pair.customer_key = fact.customer_key
        and pair.sold_date = fact.sold_date
where
    (
        mart.sale_count, mart.return_count, mart.line_count, mart.quantity,
        mart.gross_amount, mart.discount_amount, mart.net_amount
    ) is distinct from (
        fact.sale_count, fact.return_count, fact.line_count, fact.quantity,
        fact.gross_amount, fact.discount_amount, fact.net_amount
    )
