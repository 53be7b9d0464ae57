{#-
  The forecast of revenue (decision 0039), as CTEs that end in `forecast`: one row per row of `moment`, store, currency
  and day of the 28 after `moment.as_of`. `moment` is a CTE of the model. Of the sales, each row reads what was known at
  its as_of alone, so that a forecast of the past is the one that would have been made then.

      expected = level of the store * weekday * movement of a year before * special day

  Revenue below zero is never expected. Nothing is expected of a closed store, nor known of one that began to sell less
  than 28 days ago.
-#}
{% macro revenue_forecast() -%}
sold as (

    select
        sold_date,
        store_key,
        store_id,
        currency,
        net_amount
    from {{ ref('mart_sales_by_store') }}
    where sold_date between {{ business_date() }} - 1461 and {{ business_date() }}

),

{{ forecast_stores_at_moments() }},

{{ forecast_special_days() }},

{{ forecast_days_before() }},

{{ forecast_weekdays() }},

{{ forecast_levels() }},

{{ forecast_movement_of_a_year_before() }},

{{ forecast_special_day_effects() }},

forecast as (

    select
        series.as_of,
        series.store_key,
        series.store_id,
        series.currency,
        series.is_closed,
        series.history_day_count >= 28 as is_known,
        ahead.day_number,
        series.as_of + ahead.day_number as sold_date,
        special.name as special_day,
        case
            when series.is_closed then 0
            when series.history_day_count >= 28
                then
                    level.net_amount
                    * weekday.weight
                    * coalesce(movement.ratio, 1)
                    * coalesce(effect.ratio, 1)
        end as expected_amount
    from series
    cross join generate_series(1, {{ forecast_day_count() }}) as ahead (day_number)
    left join level
        on series.as_of = level.as_of and series.store_key = level.store_key and series.currency = level.currency
    left join weekday
        on
            series.as_of = weekday.as_of
            and series.store_key = weekday.store_key
            and series.currency = weekday.currency
            and extract(isodow from series.as_of + ahead.day_number) = weekday.weekday
    left join movement
        on
            series.as_of = movement.as_of
            and series.currency = movement.currency
            and ahead.day_number = movement.day_number
    left join special
        on series.country = special.country and series.as_of + ahead.day_number = special.date_day
    left join effect
        on
            series.as_of = effect.as_of
            and series.country = effect.country
            and series.currency = effect.currency
            and special.name = effect.name

)
{%- endmacro %}

{#- Days ahead. Names and intervals are those of 28: only a unit test has fewer. -#}
{% macro forecast_day_count() -%}
28
{%- endmacro %}

{#-
  Stores that sold in the twelve weeks up to a moment, by currency. A version of a store that the source dated later
  says nothing of that moment, even where it is the first that is known.
-#}
{% macro forecast_stores_at_moments() -%}
series as (

    select
        recent.*,
        coalesce(store.country, '??') as country,
        not coalesce(store.is_active, true) as is_closed,
        recent.as_of - recent.first_date + 1 as history_day_count
    from (
        select
            moment.as_of,
            sold.store_key,
            sold.store_id,
            sold.currency,
            min(sold.sold_date) as first_date
        from moment
        inner join sold on sold.sold_date between moment.as_of - 83 and moment.as_of
        group by moment.as_of, sold.store_key, sold.store_id, sold.currency
    ) as recent
    left join {{ ref('dim_store_history') }} as store
        on
            recent.store_key = store.store_key
            and store.valid_from < (recent.as_of + 1)::timestamp at time zone 'UTC'
            and store.valid_to >= (recent.as_of + 1)::timestamp at time zone 'UTC'
            and store.updated_at < (recent.as_of + 1)::timestamp at time zone 'UTC'

),

place as (

    select distinct on (store_key)
        store_key,
        country
    from series
    order by store_key, as_of desc

)
{%- endmacro %}

{#- Days that are unlike others: public holidays, and three that no law declares but every retailer knows. -#}
{% macro forecast_special_days() -%}
special as (

    select distinct on (country, date_day)
        country,
        date_day,
        name
    from (
        select
            country,
            date_day,
            name,
            1 as precedence
        from {{ ref('dim_holiday') }}

        union all

        select
            country.country,
            make_date(year.number, 12, day.number) as date_day,
            case day.number when 24 then 'Christmas Eve' else 'New Year''s Eve' end as name,
            2 as precedence
        from (select distinct country from place) as country
        cross join generate_series(
            extract(year from {{ business_date() }})::integer - 5, extract(year from {{ business_date() }})::integer + 1
        ) as year (number)
        cross join (values (24), (31)) as day (number)

        union all

        -- The day after the fourth Thursday of November.
        select
            country.country,
            make_date(year.number, 11, 29) - (extract(isodow from make_date(year.number, 11, 29))::integer + 2) % 7
                as date_day,
            'Black Friday' as name,
            2 as precedence
        from (select distinct country from place) as country
        cross join generate_series(
            extract(year from {{ business_date() }})::integer - 5, extract(year from {{ business_date() }})::integer + 1
        ) as year (number)
    ) as named
    order by country, date_day, precedence

)
{%- endmacro %}

{#- The twelve weeks before a moment, day by day since the first sale in them, without special days. -#}
{% macro forecast_days_before() -%}
known as (

    select
        series.as_of,
        series.store_key,
        series.currency,
        day.number / 7 as weeks_ago,
        extract(isodow from series.as_of - day.number) as weekday,
        coalesce(sold.net_amount, 0) as net_amount,
        sold.sold_date is not null as has_sales
    from series
    cross join lateral generate_series(0, series.as_of - series.first_date) as day (number)
    left join sold
        on
            series.store_key = sold.store_key
            and series.currency = sold.currency
            and series.as_of - day.number = sold.sold_date
    left join special on series.country = special.country and series.as_of - day.number = special.date_day
    where special.date_day is null

)
{%- endmacro %}

{#-
  The weight of each weekday, 1 on average. A store's own is joined by four weeks of the average store of its currency.
  A weekday on which a store has not sold in four weeks or more weighs 0.
-#}
{% macro forecast_weekdays() -%}
usual as (

    select
        as_of,
        currency,
        weekday,
        case
            when sum(avg(net_amount)) over (partition by as_of, currency) > 0
                then greatest(0, 7 * avg(net_amount) / sum(avg(net_amount)) over (partition by as_of, currency))
            else 1
        end as weight
    from known
    group by as_of, currency, weekday

),

own as (

    select
        as_of,
        store_key,
        currency,
        weekday,
        count(*) as day_count,
        sum(net_amount) as net_amount,
        count(*) >= 4 and not bool_or(has_sales) as is_day_off,
        avg(avg(net_amount)) over (partition by as_of, store_key, currency) as average_amount
    from known
    group by as_of, store_key, currency, weekday

),

drawn as (

    select
        series.as_of,
        series.store_key,
        series.currency,
        day.weekday,
        case
            when own.is_day_off then 0
            when own.average_amount > 0
                then
                    greatest(0, own.net_amount + 4 * own.average_amount * coalesce(usual.weight, 1))
                    / (own.day_count + 4) / own.average_amount
            else coalesce(usual.weight, 1)
        end as weight
    from series
    cross join generate_series(1, 7) as day (weekday)
    left join own
        on
            series.as_of = own.as_of
            and series.store_key = own.store_key
            and series.currency = own.currency
            and day.weekday = own.weekday
    left join usual
        on series.as_of = usual.as_of and series.currency = usual.currency and day.weekday = usual.weekday

),

weekday as (

    select
        as_of,
        store_key,
        currency,
        weekday,
        coalesce(
            7 * weight / nullif(sum(weight) over (partition by as_of, store_key, currency), 0), 1
        ) as weight
    from drawn

)
{%- endmacro %}

{#- What an average day brings: of the last four weeks, the mean of those that are neither the best nor the worst. -#}
{% macro forecast_levels() -%}
week as (

    select
        known.as_of,
        known.store_key,
        known.currency,
        sum(known.net_amount) / nullif(sum(weekday.weight), 0) as net_amount
    from known
    inner join weekday using (as_of, store_key, currency, weekday)
    where known.weeks_ago < 4
    group by known.as_of, known.store_key, known.currency, known.weeks_ago

),

level as (

    select
        as_of,
        store_key,
        currency,
        greatest(
            0,
            case
                when count(net_amount) > 2
                    then (sum(net_amount) - max(net_amount) - min(net_amount)) / (count(net_amount) - 2)
                else coalesce(avg(net_amount), 0)
            end
        ) as net_amount
    from week
    group by as_of, store_key, currency

)
{%- endmacro %}

{#-
  How sales moved a year before: the same weekdays 364 days earlier, the week around each, compared with the 28 days
  that ended then. Over all stores of a currency that sold before these, as a single one is noise; with few stores the
  ratio is drawn toward 1, as if two more stores had not moved.
-#}
{% macro forecast_movement_of_a_year_before() -%}
born as (

    select
        store_key,
        currency,
        min(sold_date) as first_date
    from sold
    group by store_key, currency

),

year_before as (

    select
        series.as_of,
        series.currency,
        day.number as day_number,
        count(*) as store_count,
        sum(coalesce(sold.net_amount, 0)) filter (where special.date_day is null) as net_amount,
        sum(weekday.weight) filter (where special.date_day is null) as weight
    from series
    inner join born
        on
            series.store_key = born.store_key
            and series.currency = born.currency
            and series.as_of - 391 >= born.first_date
    cross join generate_series(-27, 31) as day (number)
    inner join weekday
        on
            series.as_of = weekday.as_of
            and series.store_key = weekday.store_key
            and series.currency = weekday.currency
            and extract(isodow from series.as_of + day.number) = weekday.weekday
    left join sold
        on
            series.store_key = sold.store_key
            and series.currency = sold.currency
            and series.as_of - 364 + day.number = sold.sold_date
    left join special
        on series.country = special.country and series.as_of - 364 + day.number = special.date_day
    where not series.is_closed
    group by series.as_of, series.currency, day.number

),

compared as (

    select
        as_of,
        currency,
        day_number,
        store_count,
        sum(net_amount) over around / nullif(sum(weight) over around, 0) as net_amount,
        sum(net_amount) filter (where day_number <= 0) over whole
        / nullif(sum(weight) filter (where day_number <= 0) over whole, 0) as net_before
    from year_before
    window
        whole as (partition by as_of, currency),
        around as (partition by as_of, currency order by day_number rows between 3 preceding and 3 following)

),

movement as (

    select
        as_of,
        currency,
        day_number,
        1 + (least(4, greatest(0.25, net_amount / net_before)) - 1) * store_count / (store_count + 2) as ratio
    from compared
    where day_number > 0 and net_before > 0

)
{%- endmacro %}

{#-
  What a special day brought when it came before, as a share of the same weekday one and two weeks before and after it,
  over all stores of the country. Drawn toward 1 by one day of one store, so that a single sale makes no rule.
-#}
{% macro forecast_special_day_effects() -%}
day_of_country as (

    select
        place.country,
        sold.currency,
        sold.sold_date,
        sum(sold.net_amount) as net_amount,
        count(*) as store_count
    from sold
    inner join place on sold.store_key = place.store_key
    group by place.country, sold.currency, sold.sold_date

),

occurrence as (

    select
        special.country,
        special.name,
        special.date_day,
        near.currency,
        avg(near.net_amount) as usual_amount,
        avg(near.store_count) as store_count,
        coalesce(any_value(own.net_amount), 0) as net_amount
    from special
    cross join (values (-14), (-7), (7), (14)) as shift (day_count)
    inner join day_of_country as near
        on special.country = near.country and special.date_day + shift.day_count = near.sold_date
    left join special as other
        on special.country = other.country and special.date_day + shift.day_count = other.date_day
    left join day_of_country as own
        on special.country = own.country and near.currency = own.currency and special.date_day = own.sold_date
    where other.date_day is null
    group by special.country, special.name, special.date_day, near.currency

),

effect as (

    select
        moment.as_of,
        occurrence.country,
        occurrence.currency,
        occurrence.name,
        (
            1 + sum(occurrence.store_count)
            * least(5, greatest(0, sum(occurrence.net_amount) / nullif(sum(occurrence.usual_amount), 0)))
        ) / (1 + sum(occurrence.store_count)) as ratio
    from moment
    inner join occurrence on moment.as_of - 14 >= occurrence.date_day
    where occurrence.usual_amount > 0
    group by moment.as_of, occurrence.country, occurrence.currency, occurrence.name

)
{%- endmacro %}

{#-
  What the tests have shown, as CTEs that end in `unit`: a day of a test, or its 28 days together, of a store and of all
  stores of a currency, as expected and as it came. `interval_class` names the errors that an interval is made from.
-#}
{% macro forecast_units() -%}
day_of_test as (

    select
        currency,
        coalesce(store_id::text, 'all stores') as series,
        store_id,
        origin_date,
        sold_date,
        week_number,
        sum(expected_amount) as expected_amount,
        sum(week_before_amount) as week_before_amount,
        case when count(year_before_amount) = count(*) then sum(year_before_amount) end as year_before_amount,
        sum(actual_amount) as actual_amount
    from {{ ref('revenue_forecast_origins') }}
    where actual_amount is not null and verdict <> 'history too short'
    group by
        grouping sets (
            (currency, origin_date, sold_date, week_number, store_id), (currency, origin_date, sold_date, week_number)
        )

),

unit as (

    select
        *,
        'week ' || week_number as interval_class,
        array['week ' || week_number, 'all days'] as horizons
    from day_of_test

    union all

    select
        currency,
        series,
        store_id,
        origin_date,
        null as sold_date,
        null as week_number,
        sum(expected_amount) as expected_amount,
        sum(week_before_amount) as week_before_amount,
        case when count(year_before_amount) = count(*) then sum(year_before_amount) end as year_before_amount,
        sum(actual_amount) as actual_amount,
        'sum of 28 days' as interval_class,
        array['sum of 28 days'] as horizons
    from day_of_test
    group by currency, series, store_id, origin_date

)
{%- endmacro %}

{#-
  A bound of the 80 % interval, as a multiple of what is expected, from an ordered array of such ratios: of all that may
  come, a tenth lies beyond each. Null for fewer than nine: even the extremes of eight are passed more often. The
  interval always holds what is expected.
-#}
{% macro lower_ratio(ratios) -%}
case when cardinality({{ ratios }}) >= 9 then least(1, {{ ratios }}[(cardinality({{ ratios }}) + 1) / 10]) end
{%- endmacro %}

{% macro upper_ratio(ratios) -%}
case
        when cardinality({{ ratios }}) >= 9
            then greatest(1, {{ ratios }}[cardinality({{ ratios }}) + 1 - (cardinality({{ ratios }}) + 1) / 10])
    end
{%- endmacro %}
