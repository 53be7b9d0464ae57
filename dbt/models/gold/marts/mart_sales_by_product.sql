{{ config(
    unique_key=['sold_date', 'product_key', 'currency'],
    incremental_strategy='delete+insert',
    meta={'takes': ['gold.sales_item']},
    indexes=[{'columns': ['_load_id'], 'type': 'brin'}],
) }}

with touched as (

    {{ touched('sales_item', ['sold_date', 'product_key', 'product_id', 'currency']) }}

),

touched_day as (

    select distinct sold_date
    from touched

),

-- One range of the fact for each touched day. The grouping inside keeps the planner from joining the whole fact.
figure as (

    select
        touched_day.sold_date,
        day.*
    from touched_day
    cross join lateral (
        select
            item.product_key,
            item.currency,
            {{ sales_figures() }}
        from {{ ref('sales_item') }} as item
        where item.sold_date = touched_day.sold_date
        group by item.product_key, item.currency
    ) as day

)

select
    touched.sold_date,
    touched.product_key,
    touched.product_id,
    touched.currency,
    {{ sales_figures_or_nothing() }},
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from touched
left join figure using (sold_date, product_key, currency)
