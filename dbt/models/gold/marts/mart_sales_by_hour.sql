{{ config(
    unique_key=['sold_hour', 'store_id', 'channel', 'currency'],
    incremental_strategy='delete+insert',
    meta={'takes': ['gold.sales_item']},
    indexes=[{'columns': ['_load_id'], 'type': 'brin'}],
) }}

with touched as (

    {{ touched('sales_item', [
        "date_trunc('hour', sold_at, 'UTC') as sold_hour", 'store_id', 'channel', 'currency'
    ]) }}

),

touched_hour as (

    select distinct sold_hour
    from touched

),

-- One range of the fact for each touched hour. The grouping inside keeps the planner from joining the whole fact.
figure as (

    select
        touched_hour.sold_hour,
        hour.*
    from touched_hour
    cross join lateral (
        select
            item.store_id,
            item.channel,
            item.currency,
            {{ sales_figures() }}
        from {{ ref('sales_item') }} as item
        where
            item.sold_at >= touched_hour.sold_hour
            and item.sold_at < touched_hour.sold_hour + interval '1 hour'
        group by item.store_id, item.channel, item.currency
    ) as hour

)

select
    touched.sold_hour,
    touched.store_id,
    touched.channel,
    touched.currency,
    (touched.sold_hour at time zone 'UTC')::date as sold_date,
    {{ sales_figures_or_nothing() }},
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from touched
left join figure using (sold_hour, store_id, channel, currency)
