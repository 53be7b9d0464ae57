{{ config(
    unique_key=['sold_date', 'currency'],
    incremental_strategy='delete+insert',
    meta={'takes': ['gold.sales_item']},
    indexes=[{'columns': ['_load_id'], 'type': 'brin'}],
) }}

{% set key = 'touched' if is_incremental() else 'figure' %}

with touched as (

    {{ touched('sales_item', ['sold_date', 'currency']) }}

),

figure as (

    {{ sales_figures_of_days(['currency'], ['customer_count']) }}

),

day as (

    select
        {{ key }}.sold_date,
        {{ key }}.currency,
        {{ sales_figures_or_nothing(['customer_count']) }}
    from {{ key }}
    {% if is_incremental() %}
        left join figure using (sold_date, currency)
    {% endif %}

)

select
    sold_date,
    currency,
    {{ (figure_names().split() + ['customer_count']) | join(',\n    ') }},
    {{ metric('average_order_value') }} as average_order_value,
    {{ metric('items_per_order') }} as items_per_order,
    {{ metric('return_rate') }} as return_rate,
    {{ metric('discount_share') }} as discount_share,
    {{ metric('margin_rate') }} as margin_rate,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from day
