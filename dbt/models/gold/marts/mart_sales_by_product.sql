{{ config(
    unique_key=['sold_date', 'product_key', 'currency'],
    incremental_strategy='delete+insert',
    meta={'takes': ['gold.sales_item']},
    indexes=[{'columns': ['_load_id'], 'type': 'brin'}],
) }}

{% set key = 'touched' if is_incremental() else 'figure' %}

with touched as (

    {{ touched('sales_item', ['sold_date', 'product_key', 'product_id', 'currency']) }}

),

figure as (

    {{ sales_figures_of_days(['product_key', 'product_id', 'currency']) }}

)

select
    {{ key }}.sold_date,
    {{ key }}.product_key,
    {{ key }}.product_id,
    {{ key }}.currency,
    {{ sales_figures_or_nothing() }},
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from {{ key }}
{% if is_incremental() %}
    left join figure using (sold_date, product_key, product_id, currency)
{% endif %}
