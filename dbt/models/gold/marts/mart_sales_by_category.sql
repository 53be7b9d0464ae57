{{ config(
    unique_key=['sold_date', 'store_id', 'channel', 'currency'],
    incremental_strategy='delete+insert',
    meta={'takes': ['gold.sales_item']},
    indexes=[{'columns': ['_load_id'], 'type': 'brin'}],
) }}

{% set key = 'touched' if is_incremental() else 'figure' %}

-- The category is no column of the fact. So a build replaces a day of a store, channel and currency with all its
-- categories: unique_key is the key without the category. One that every line has left gives a row without a category.
with touched as (

    {{ touched('sales_item', ['sold_date', 'store_id', key_text('channel') ~ ' as channel', 'currency']) }}

),

figure as (

    {{ sales_figures_of_days(['store_id', 'channel', 'currency'], texts=['channel'], of_product=['category']) }}

)

select
    {{ key }}.sold_date,
    {{ key }}.store_id,
    {{ key }}.channel,
    coalesce(figure.category, '') as category,
    {{ key }}.currency,
    {{ sales_figures_or_nothing() }},
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from {{ key }}
{% if is_incremental() %}
    left join figure using (sold_date, store_id, channel, currency)
{% endif %}
