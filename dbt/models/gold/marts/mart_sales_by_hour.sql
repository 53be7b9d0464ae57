{{ config(
    unique_key=['sold_hour', 'store_id', 'channel', 'currency'],
    incremental_strategy='delete+insert',
    meta={'takes': ['gold.sales_item']},
    indexes=[{'columns': ['_load_id'], 'type': 'brin'}],
) }}

{% set key = 'touched' if is_incremental() else 'figure' %}

with touched as (

    {{ touched('sales_item', [
        "date_trunc('hour', sold_at, 'UTC') as sold_hour", 'store_id', key_text('channel') ~ ' as channel', 'currency'
    ]) }}

),

touched_hour as ( -- noqa: ST03

    select distinct sold_hour
    from touched

),

-- One range of the fact for each touched hour. The grouping inside keeps the planner from joining the whole fact. A
-- build from the beginning reads the fact once.
figure as (

    {% if is_incremental() %}
        select
            touched_hour.sold_hour,
            hour.*
        from touched_hour
        cross join lateral (
            select
                item.store_id,
                {{ key_text('item.channel') }} as channel,
                item.currency,
                {{ sales_figures() }}
            from {{ ref('sales_item') }} as item
            where
                item.sold_at >= touched_hour.sold_hour
                and item.sold_at < touched_hour.sold_hour + interval '1 hour'
            group by item.store_id, {{ key_text('item.channel') }}, item.currency
        ) as hour
    {% else %}
        select
            date_trunc('hour', item.sold_at, 'UTC') as sold_hour,
            item.store_id,
            {{ key_text('item.channel') }} as channel,
            item.currency,
            {{ sales_figures() }}
        from {{ ref('sales_item') }} as item
        group by date_trunc('hour', item.sold_at, 'UTC'), item.store_id, {{ key_text('item.channel') }}, item.currency
    {% endif %}

)

select
    {{ key }}.sold_hour,
    {{ key }}.store_id,
    {{ key }}.channel,
    {{ key }}.currency,
    ({{ key }}.sold_hour at time zone 'UTC')::date as sold_date,
    {{ sales_figures_or_nothing() }},
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from {{ key }}
{% if is_incremental() %}
    left join figure using (sold_hour, store_id, channel, currency)
{% endif %}
