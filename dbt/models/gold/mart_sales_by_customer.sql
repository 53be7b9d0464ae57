{{ config(
    tags=['mart'],
    unique_key=['sold_date', 'customer_key'],
    incremental_strategy='delete+insert',
    meta={'takes': ['gold.sales_item']},
    indexes=[{'columns': ['_load_id'], 'type': 'brin'}],
    post_hook=[
        "delete from {{ this }} where line_count = 0 "
        "and _load_id > {{ tested('gold.mart_sales_by_customer') }}"
    ],
) }}

with new_item as (

    select
        customer_key,
        sold_date,
        _prior_customer_key,
        _prior_sold_date
    from {{ ref('sales_item') }}
    where
        {{ is_new('gold.sales_item') }}

),

-- A pair is touched by what came to it and by what left it.
touched_key as (

    select
        customer_key,
        sold_date
    from new_item

    union

    select
        _prior_customer_key as customer_key,
        _prior_sold_date as sold_date
    from new_item
    where _prior_customer_key is not null

),

touched as (

    select
        touched_key.customer_key,
        customer.customer_id,
        touched_key.sold_date
    from touched_key
    inner join {{ ref('dim_customer') }} as customer on touched_key.customer_key = customer.customer_key

),

-- Touched pairs are worked out whole, from all their rows: adding up differences would add up errors.
final as (

    select
        touched.customer_key,
        touched.customer_id,
        touched.sold_date,
        count(distinct item.sale_id) filter (where not item.is_return) as sale_count,
        count(distinct item.sale_id) filter (where item.is_return) as return_count,
        count(item.sales_item_id) as line_count,
        coalesce(sum(item.quantity), 0)::bigint as quantity,
        coalesce(sum(item.gross_amount), 0)::numeric(16, 2) as gross_amount,
        coalesce(sum(item.discount_amount), 0)::numeric(16, 2) as discount_amount,
        coalesce(sum(item.net_amount), 0)::numeric(16, 2) as net_amount
    from touched
    left join {{ ref('sales_item') }} as item
        on
            touched.customer_key = item.customer_key
            and touched.sold_date = item.sold_date
    group by touched.sold_date, touched.customer_key, touched.customer_id

)

select
    customer_key,
    customer_id,
    sold_date,
    sale_count,
    return_count,
    line_count,
    quantity,
    gross_amount,
    discount_amount,
    net_amount,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from final
