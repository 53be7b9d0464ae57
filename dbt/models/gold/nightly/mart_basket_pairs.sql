{# The index gives the most frequent pairs of a currency without a look at the others. -#}
{{ config(indexes=[{'columns': ['currency', 'pair_basket_count', 'product_id_a', 'product_id_b']}]) }}

-- A basket is one row with its products in order, so the pairs come out of it without a join.
with basket as materialized (

    select
        sale_id,
        any_value(currency) as currency,
        array_agg(distinct product_id order by product_id) as products
    from {{ ref('sales_item') }}
    where sold_date > {{ business_date() }} - 365 and sold_date <= {{ business_date() }} and not is_return
    group by sale_id

),

total as (

    select
        currency,
        count(*) filter (where cardinality(products) <= {{ var('basket_products') }}) as basket_count,
        count(*) filter (where cardinality(products) > {{ var('basket_products') }}) as oversized_basket_count
    from basket
    group by currency

),

product as (

    select
        basket.currency,
        product.product_id,
        count(*) as basket_count
    from basket
    cross join lateral unnest(basket.products) as product (product_id)
    where cardinality(basket.products) <= {{ var('basket_products') }}
    group by basket.currency, product.product_id

),

pair as materialized (

    select
        basket.currency,
        product_a.product_id as product_id_a,
        product_b.product_id as product_id_b,
        count(*) as pair_basket_count
    from basket
    cross join lateral unnest(basket.products) with ordinality as product_a (product_id, place)
    cross join lateral unnest(basket.products[product_a.place + 1:]) as product_b (product_id)
    where cardinality(basket.products) between 2 and {{ var('basket_products') }}
    group by basket.currency, product_a.product_id, product_b.product_id
    having count(*) >= {{ var('basket_pair_minimum') }}

)

-- Left joins: inner ones let the planner pair all products of a currency first.
select
    {{ surrogate_key('product', 'pair.product_id_a') }} as product_key_a,
    {{ surrogate_key('product', 'pair.product_id_b') }} as product_key_b,
    pair.currency,
    pair.product_id_a,
    pair.product_id_b,
    pair.pair_basket_count,
    product_a.basket_count as basket_count_a,
    product_b.basket_count as basket_count_b,
    total.basket_count,
    total.oversized_basket_count,
    round(pair.pair_basket_count::numeric / total.basket_count, 6)::numeric(7, 6) as support,
    round(pair.pair_basket_count::numeric / product_a.basket_count, 6)::numeric(7, 6) as confidence_a_to_b,
    round(pair.pair_basket_count::numeric / product_b.basket_count, 6)::numeric(7, 6) as confidence_b_to_a,
    round(
        pair.pair_basket_count::numeric * total.basket_count
        / (product_a.basket_count::numeric * product_b.basket_count), 6
    )::numeric(24, 6) as lift,
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from pair
left join total on pair.currency = total.currency
left join product as product_a on pair.currency = product_a.currency and pair.product_id_a = product_a.product_id
left join product as product_b on pair.currency = product_b.currency and pair.product_id_b = product_b.product_id
