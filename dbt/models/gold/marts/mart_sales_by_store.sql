{{ config(
    unique_key=['sold_date', 'store_key', 'currency'],
    incremental_strategy='delete+insert',
    meta={'takes': ['gold.sales_item']},
    indexes=[{'columns': ['_load_id'], 'type': 'brin'}],
) }}

with touched as (

    {{ touched('sales_item', ['sold_date', 'store_key', 'store_id', 'currency']) }}

),

figure as (

    {{ sales_figures_of_days(['store_key', 'currency']) }}

)

select
    touched.sold_date,
    touched.store_key,
    touched.store_id,
    touched.currency,
    {{ sales_figures_or_nothing() }},
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from touched
left join figure using (sold_date, store_key, currency)
