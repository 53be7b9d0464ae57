-- The statements of report/baskets.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: pairs
-- The most frequent pairs of each currency. The index of the mart has them in this order.
select
    pair.currency,
    case when product_a.is_inferred is false then product_a.product_name else 'Product ' || pair.product_id_a end,
    case when product_b.is_inferred is false then product_b.product_name else 'Product ' || pair.product_id_b end,
    pair.pair_basket_count,
    pair.basket_count,
    pair.support,
    pair.confidence_a_to_b,
    pair.confidence_b_to_a,
    pair.lift
from unnest(%(currencies)s::text []) as wanted (currency)
cross join lateral (
    select frequent.*
    from gold.mart_basket_pairs as frequent
    where frequent.currency = wanted.currency
    order by frequent.pair_basket_count desc, frequent.product_id_a desc, frequent.product_id_b desc
    limit %(limit)s
) as pair
left join gold.dim_product as product_a on pair.product_key_a = product_a.product_key
left join gold.dim_product as product_b on pair.product_key_b = product_b.product_key;
