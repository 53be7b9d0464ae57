{{ config(
    unique_key=['sold_date', 'customer_key', 'currency'],
    incremental_strategy='delete+insert',
    meta={'takes': ['gold.sales_item']},
    indexes=[{'columns': ['_load_id'], 'type': 'brin'}],
) }}

with touched as (

    {{ touched('sales_item', ['sold_date', 'customer_key', 'customer_id', 'currency']) }}

)

-- Touched keys are computed whole, from all their rows: adding up differences would add up errors.
select
    touched.sold_date,
    touched.customer_key,
    touched.customer_id,
    touched.currency,
    {{ sales_figures() }},
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from touched
left join {{ ref('sales_item') }} as item
    on
        touched.customer_key = item.customer_key
        and touched.sold_date = item.sold_date
        and touched.currency = item.currency
group by touched.sold_date, touched.customer_key, touched.customer_id, touched.currency
