with span as (

    {{ calendar_span() }}

)

select
    holiday.country,
    holiday.date_day,
    holiday.name,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from {{ source('meta', 'holiday') }} as holiday
inner join span on holiday.date_day between span.first_day and span.last_day
