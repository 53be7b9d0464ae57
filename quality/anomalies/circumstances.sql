-- The statements of quality/anomalies/circumstances.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: is_built
-- Whether the mart that is judged exists.
select to_regclass('gold.mart_sales_by_hour') is not null;

-- name: reach
-- Up to when sales were asked for: the beginning of the last pull that ended well; and the first and the last sale. A
-- sale of the future, as a broken clock sends it, is none.
select
    (
        select max(started_at) from meta.load
        where layer = 'bronze' and dataset = 'sales' and status = 'SUCCESS'
    ) as pulled_until,
    (select min(sold_hour) from gold.mart_sales_by_hour) as first_sale,
    (select max(sold_hour) from gold.mart_sales_by_hour where sold_hour <= %(now)s) as newest_sale;

-- name: troubles
-- Why all figures from a moment on may be wrong. An incident of an hourly step: from the newest sale on, as nothing came
-- after it.
select
    least(opened_at - interval '1 hour', %(newest)s),
    format('incident %%s is open: %%s has failed', incident_id, task_id)
from meta.incident
where
    status = 'OPEN' and dag_id = 'retail_etl_hourly'
    and task_id not like 'anomaly\_%%' and task_id not like 'audit\_%%' and task_id <> 'judge_kpis'
union all
select
    checked_at - interval '1 hour',
    'sales differ from the source'
from (
    select
        status,
        checked_at
    from meta.reconciliation
    where dataset = 'sales'
    order by reconciliation_id desc
    limit 1
) as last_check
where status = 'DIFFERENT'
order by 1, 2;

-- name: withheld
-- Sales that are known to be missing, by the hour in which that was found out: in quarantine, or passed over by their ids.
select
    date_trunc('hour', first_seen_at, 'UTC'),
    'in quarantine' as why,
    count(*)
from meta.rejected_record
where status = 'OPEN' and dataset in ('sales_customer', 'sales_product') and first_seen_at >= %(since)s
group by 1
union all
select
    date_trunc('hour', first_seen_at, 'UTC'),
    'not there yet: their ids were passed over' as why,
    sum(to_id - from_id + 1 - known)::bigint
from meta.gap
where status = 'OPEN' and entity = 'sales' and first_seen_at >= %(since)s
group by 1
order by 1, 2;

-- name: has_calendar
-- Whether stores are known, and holidays.
select
    to_regclass('gold.dim_store') is not null,
    to_regclass('gold.dim_holiday') is not null;

-- name: holidays
-- Public holidays from a day on, each with its countries.
select
    date_day,
    array_agg(country)
from gold.dim_holiday
where date_day >= %(first)s
group by date_day;

-- name: countries
-- The country of each store, by its number.
select
    store_id::text,
    country
from gold.dim_store
where country is not null;

-- name: closed
-- The day from which on a store that has closed sells nothing, by its number.
select
    store_id::text,
    (updated_at at time zone 'UTC')::date
from gold.dim_store
where is_active is false and opened_at <= updated_at;

-- name: names
-- The name of each store, by its number.
select
    store_id::text,
    store_name
from gold.dim_store
where store_name is not null;
