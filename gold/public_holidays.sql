-- The statements of gold/public_holidays.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: first_year_of_sales
-- The year of the first sale. A date that is wrong by centuries costs no more than one of 1950.
select
    greatest(
        1950, extract(year from least(coalesce(min(sold_date), %(last_day)s::date), %(last_day)s::date))
    )::integer as first_year
from gold.sales_item;

-- name: countries
-- Countries of stores; of customers, if no store has one. An inferred member has the country ??.
with of_stores as (

    select distinct country from gold.dim_store
    where country <> '??'

)

select country from of_stores
union
select country from gold.dim_customer
where country <> '??' and not exists (select from of_stores)
order by country;

-- name: forget_holidays
-- Remove the holidays of the build before.
delete from meta.holiday;

-- name: add_holidays
-- Add holidays.
insert into meta.holiday (country, date_day, name)
values %s;
