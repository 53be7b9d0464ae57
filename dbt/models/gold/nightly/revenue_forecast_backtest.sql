with {{ forecast_units() }},

error as (

    select
        currency,
        series,
        interval_class,
        origin_date,
        actual_amount / expected_amount as ratio
    from unit
    where expected_amount > 0

),

-- For the forecast: the errors of all tests.
spread as (

    select
        currency,
        series,
        interval_class,
        array_agg(ratio order by ratio) as ratios
    from error
    group by currency, series, interval_class
    having count(distinct origin_date) >= {{ var('forecast_interval_tests') }}

),

tested as (

    select distinct
        currency,
        series,
        interval_class,
        origin_date
    from error

),

-- For its test: those of the tests before, as they were known then.
spread_before as (

    select
        tested.currency,
        tested.series,
        tested.interval_class,
        tested.origin_date,
        array_agg(error.ratio order by error.ratio) as ratios
    from tested
    inner join error
        on
            tested.currency = error.currency
            and tested.series = error.series
            and tested.interval_class = error.interval_class
            and tested.origin_date > error.origin_date
    group by tested.currency, tested.series, tested.interval_class, tested.origin_date
    having count(distinct error.origin_date) >= {{ var('forecast_interval_tests') }}

),

judged as (

    select
        unit.currency,
        unit.series,
        horizon.horizon,
        unit.origin_date,
        method.method,
        method.amount,
        unit.actual_amount,
        case
            when method.method = 'forecast' and spread_before.ratios is not null
                then
                    unit.actual_amount
                    between unit.expected_amount * {{ lower_ratio('spread_before.ratios') }}
                    and unit.expected_amount * {{ upper_ratio('spread_before.ratios') }}
        end as is_within
    from unit
    left join spread_before using (currency, series, interval_class, origin_date)
    cross join unnest(unit.horizons) as horizon (horizon)
    cross join
        lateral (
            values
            ('forecast', unit.expected_amount),
            ('seasonal naive', unit.week_before_amount),
            ('year before', unit.year_before_amount)
        ) as method (method, amount)

),

figure as (

    select
        currency,
        series,
        method,
        horizon,
        count(distinct origin_date) as test_count,
        count(*) as value_count,
        count(*) = count(amount) as is_measured,
        sum(amount) as expected_amount,
        sum(actual_amount) as actual_amount,
        sum(abs(amount - actual_amount)) as error_amount,
        sum(abs(actual_amount)) as size_amount,
        count(distinct origin_date) filter (where is_within is not null) as coverage_test_count,
        avg(is_within::integer) as coverage
    from judged
    group by currency, series, method, horizon

),

asked as (

    select
        series.*,
        method.method,
        horizon.horizon
    from (
        select distinct
            currency,
            store_id::text as series,
            store_key,
            store_id
        from {{ ref('revenue_forecast_origins') }}
        union all
        select distinct
            currency,
            'all stores' as series,
            null::uuid as store_key,
            null::integer as store_id
        from {{ ref('revenue_forecast_origins') }}
    ) as series
    cross join (values ('forecast'), ('seasonal naive'), ('year before')) as method (method)
    cross join
        (values ('week 1'), ('week 2'), ('week 3'), ('week 4'), ('all days'), ('sum of 28 days')) as horizon (horizon)

)

select
    asked.currency,
    asked.series,
    asked.store_key,
    asked.store_id,
    asked.method,
    asked.horizon,
    case when figure.is_measured then 'measured' else 'history too short' end as verdict,
    case when figure.is_measured then figure.test_count end as test_count,
    case when figure.is_measured then figure.value_count end as value_count,
    (case when figure.is_measured then figure.expected_amount end)::numeric(38, 2) as expected_amount,
    (case when figure.is_measured then figure.actual_amount end)::numeric(38, 2) as actual_amount,
    (case when figure.is_measured then figure.error_amount end)::numeric(38, 2) as error_amount,
    (
        case when figure.is_measured then round(figure.error_amount / nullif(figure.size_amount, 0), 6) end
    )::numeric(38, 6) as error_share,
    (
        case
            when figure.is_measured
                then round((figure.expected_amount - figure.actual_amount) / nullif(figure.size_amount, 0), 6)
        end
    )::numeric(38, 6) as bias_share,
    nullif(figure.coverage_test_count, 0) as coverage_test_count,
    round(figure.coverage, 6)::numeric(7, 6) as coverage_share,
    (case when asked.method = 'forecast' then round({{ lower_ratio('spread.ratios') }}, 6) end)::numeric(38, 6)
        as lower_ratio,
    (case when asked.method = 'forecast' then round({{ upper_ratio('spread.ratios') }}, 6) end)::numeric(38, 6)
        as upper_ratio,
    {{ business_date() }} as business_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from asked
left join figure using (currency, series, method, horizon)
left join spread
    on asked.currency = spread.currency and asked.series = spread.series and asked.horizon = spread.interval_class
