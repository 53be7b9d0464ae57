-- The versions of each key that was built since the tests last passed cover all time: they begin at -infinity, follow
-- each other without a gap, and end at infinity with the one that is current. Overlaps are refused by the server.
{{ config(tags=['core']) }}

with edge as (
    {% for entity in ['customer', 'product', 'store'] %}
        select
            '{{ entity }} ' || history.{{ entity }}_id as subject,
            history.valid_from,
            history.valid_to,
            lag(history.valid_to, 1, '-infinity') over chain as begins_at,
            lead(history.valid_from, 1, 'infinity') over chain as ends_at
        from {{ ref('dim_' ~ entity ~ '_history') }} as history
        where
            history.{{ entity }}_id in (
                select built.{{ entity }}_id from {{ ref('dim_' ~ entity ~ '_history') }} as built
                where built._load_id > {{ tested('gold.dim_' ~ entity ~ '_history') }}
            )
        window chain as (partition by history.{{ entity }}_id order by history.valid_from)
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select *
from edge
where valid_from <> begins_at or valid_to <> ends_at
