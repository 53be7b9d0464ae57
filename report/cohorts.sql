-- The statements of report/cohorts.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: cohorts
-- The cohorts since a month, month by month.
select
    cohort_month,
    month_number,
    is_complete,
    customer_count,
    active_customer_count
from gold.mart_customer_cohorts
where cohort_month >= %(since)s
order by cohort_month, month_number;
