{{ config(
    unique_key=['sold_date', 'customer_key', 'currency'],
    incremental_strategy='delete+insert',
    meta={'takes': ['gold.sales_item']},
    indexes=[{'columns': ['_load_id'], 'type': 'brin'}],
) }}

{% set key = 'touched' if is_incremental() else 'item' %}

with touched as ( -- noqa: ST03

    {{ touched('sales_item', ['sold_date', 'customer_key', 'customer_id', 'currency']) }}

)

-- Touched keys are computed whole, from all their rows: adding up differences would add up errors. A build from the
-- beginning reads the fact once.
select
    {{ key }}.sold_date,
    {{ key }}.customer_key,
    {{ key }}.customer_id,
    {{ key }}.currency,
    {{ sales_figures() }},
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
{% if is_incremental() %}
    from touched
    left join {{ ref('sales_item') }} as item
        on
            touched.customer_key = item.customer_key
            and touched.sold_date = item.sold_date
            and touched.currency = item.currency
{% else %}
    from {{ ref('sales_item') }} as item -- noqa: AL05
{% endif %}
group by {{ key }}.sold_date, {{ key }}.customer_key, {{ key }}.customer_id, {{ key }}.currency
