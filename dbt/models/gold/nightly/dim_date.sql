with span as (

    {{ calendar_span() }}

),

day as (

    select first_day + generate_series(0, last_day - first_day) as date_day
    from span

),

fiscal_begin as (

    select
        nth.fiscal_year,
        {{ nearest_monday("make_date(nth.fiscal_year, " ~ var('fiscal_year_first_month') ~ ", 1)") }} as begins_on
    from span
    cross join
        generate_series(
            extract(year from span.first_day)::integer - 1, extract(year from span.last_day)::integer + 2
        ) as nth (fiscal_year)

),

fiscal as (

    select
        fiscal_year,
        begins_on,
        lead(begins_on) over (order by fiscal_year) as next_begins_on
    from fiscal_begin

),

week as (

    select
        day.date_day,
        fiscal.fiscal_year,
        (day.date_day - fiscal.begins_on) / 7 + 1 as fiscal_week,
        -- Of a year of 53 weeks, the last one belongs to the fourth quarter.
        least((day.date_day - fiscal.begins_on) / 7 / 13 + 1, 4) as fiscal_quarter
    from day
    inner join fiscal on day.date_day >= fiscal.begins_on and day.date_day < fiscal.next_begins_on

),

holiday as (

    select
        date_day,
        string_agg(country, ', ' order by country) as countries
    from {{ ref('dim_holiday') }}
    group by date_day

)

select
    week.date_day,
    extract(year from week.date_day)::integer as year,
    extract(quarter from week.date_day)::integer as quarter,
    extract(month from week.date_day)::integer as month,
    date_trunc('month', week.date_day::timestamp)::date as month_start_date,
    (date_trunc('month', week.date_day::timestamp) + interval '1 month - 1 day')::date as month_end_date,
    extract(isoyear from week.date_day)::integer as iso_year,
    extract(week from week.date_day)::integer as iso_week,
    date_trunc('week', week.date_day::timestamp)::date as week_start_date,
    extract(isodow from week.date_day)::integer as weekday,
    (array['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'])[
        extract(isodow from week.date_day)::integer
    ] as weekday_name,
    extract(isodow from week.date_day) > 5 as is_weekend,
    week.date_day - 364 as same_weekday_last_year,
    week.fiscal_year,
    week.fiscal_quarter,
    -- Weeks 1 to 4 of a quarter are its first period, 5 to 8 its second, the others its third.
    3 * (week.fiscal_quarter - 1)
    + least((week.fiscal_week - 13 * (week.fiscal_quarter - 1) - 1) / 4 + 1, 3) as fiscal_period,
    week.fiscal_week,
    holiday.countries is not null as is_holiday,
    coalesce(holiday.countries, '') as holiday_countries,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from week
left join holiday on week.date_day = holiday.date_day
