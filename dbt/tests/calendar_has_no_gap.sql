-- The calendar has every day between its first and its last one.
select
    min(date_day) as first_day,
    max(date_day) as last_day,
    count(*) as day_count
from {{ ref('dim_date') }}
having count(*) <> max(date_day) - min(date_day) + 1
