-- Every day with sales has its row in the calendar, unless its date is before the calendar may begin, or more than 400
-- days after the business date.
select item.sold_date
from {{ ref('sales_item') }} as item
left join {{ ref('dim_date') }} as calendar on item.sold_date = calendar.date_day
where
    calendar.date_day is null
    and item.sold_date between {{ calendar_first_day() }} and {{ calendar_last_day('dim_date') }}
group by item.sold_date
