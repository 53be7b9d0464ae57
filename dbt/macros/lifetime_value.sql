{#-
  The forecast of `mart_customer_lifetime_value` and its backtest (decision 0030), as CTEs that end in `forecast`: one
  row per row of `moment`, currency and cohort that existed then. They read `mart_customer_cohort_sales` alone, and of
  it what was known: months complete at `moment.as_of`. `moment` is a CTE of the model with as_of, horizon_month_count.

  A cohort is expected to make, per customer, what customers made on average in the same months after their first
  purchase, times the level at which the cohort has run so far. Averages are over all customers, also those who never
  came back. A small cohort's level is drawn toward 1: it is joined by `lifetime_value_prior_customers` average customers.
  It is `lifetime_value_most_level` at most: where customers have made almost nothing so far, it is a division by almost 0.
-#}
{% macro lifetime_value_forecast() -%}
{%- set cohort_sales = ref('mart_customer_cohort_sales') -%}
bound as (

    select
        *,
        {{ month_index('as_of') }} as as_of_month,
        {{ month_index('(as_of + 1)') }} - 1 as last_month
    from moment

),

cohort as (

    select
        bound.*,
        sales.currency,
        sales.cohort_month,
        {{ month_index('sales.cohort_month') }} as cohort,
        any_value(sales.customer_count) as customer_count,
        coalesce(sum(sales.margin_amount) filter (where {{ month_index('sales.activity_month') }} <= bound.last_month), 0)
            as known_amount
    from {{ cohort_sales }} as sales
    inner join bound on {{ month_index('sales.cohort_month') }} <= bound.as_of_month
    group by bound.as_of, bound.horizon_month_count, bound.as_of_month, bound.last_month, sales.currency, sales.cohort_month

),

-- Months since the first purchase, each over the cohorts old enough to have completed it.
observed as (

    select
        bound.as_of,
        sales.currency,
        sales.month_number,
        sum(sales.customer_count) as customer_count,
        sum(sales.margin_amount) as margin_amount
    from {{ cohort_sales }} as sales
    inner join bound on {{ month_index('sales.activity_month') }} <= bound.last_month
    group by bound.as_of, sales.currency, sales.month_number

),

-- Months with sales. One sale of a wrong date, decades ago, makes one of them, and no history of the years between.
known as (

    select
        bound.as_of,
        sales.currency,
        count(distinct sales.activity_month) filter (where sales.sale_count > 0)::integer as month_count
    from {{ cohort_sales }} as sales
    inner join bound on {{ month_index('sales.activity_month') }} <= bound.last_month
    group by bound.as_of, sales.currency

),

-- The curve ends before its months become those of too few customers. Where it has few months, it is taken whole.
history as (

    select
        observed.as_of,
        observed.currency,
        any_value(known.month_count) as history_month_count,
        coalesce(
            max(observed.month_number) filter (
                where
                    observed.customer_count >= {{ var('lifetime_value_curve_customers') }} and observed.month_number >= 3
            ),
            max(observed.month_number)
        ) as last_number
    from observed
    inner join known on observed.as_of = known.as_of and observed.currency = known.currency
    where known.month_count >= {{ var('lifetime_value_history_months') }}
    group by observed.as_of, observed.currency

),

-- Beyond its end the curve keeps the average of its last three months, never of the month of the first purchase.
tail as (

    select
        history.as_of,
        history.currency,
        sum(observed.margin_amount) / sum(observed.customer_count) as margin_per_customer
    from history
    inner join observed
        on
            history.as_of = observed.as_of
            and history.currency = observed.currency
            and observed.month_number between greatest(1, history.last_number - 2) and history.last_number
    group by history.as_of, history.currency

),

curve as (

    select
        history.as_of,
        history.currency,
        number.month_number,
        number.month_number <= history.last_number as is_observed,
        case
            when number.month_number <= history.last_number then observed.margin_amount / observed.customer_count
            else tail.margin_per_customer
        end as margin_per_customer
    from history
    inner join tail on history.as_of = tail.as_of and history.currency = tail.currency
    inner join (
        select
            as_of,
            currency,
            max(as_of_month - cohort + horizon_month_count) as last_number
        from cohort
        group by as_of, currency
    ) as need on history.as_of = need.as_of and history.currency = need.currency
    cross join lateral generate_series(0, need.last_number) as number (month_number)
    left join observed
        on
            history.as_of = observed.as_of
            and history.currency = observed.currency
            and number.month_number = observed.month_number

),

course as (

    select
        cohort.as_of,
        cohort.horizon_month_count,
        cohort.currency,
        cohort.cohort,
        sum(curve.margin_per_customer) filter (
            where curve.month_number <= cohort.last_month - cohort.cohort
        ) as usual_per_customer,
        sum(curve.margin_per_customer) filter (where curve.month_number > cohort.as_of_month - cohort.cohort)
            as coming_per_customer,
        count(*) filter (where curve.is_observed and curve.month_number > cohort.as_of_month - cohort.cohort)
            as observed_month_count
    from cohort
    inner join curve
        on
            cohort.as_of = curve.as_of
            and cohort.currency = curve.currency
            and curve.month_number <= cohort.as_of_month - cohort.cohort + cohort.horizon_month_count
    group by cohort.as_of, cohort.horizon_month_count, cohort.currency, cohort.cohort

),

forecast as (

    select
        cohort.*,
        history.history_month_count,
        course.observed_month_count,
        course.coming_per_customer * case
            when course.usual_per_customer > 0
                then least({{ var('lifetime_value_most_level') }}, greatest(
                    0,
                    (cohort.known_amount + {{ var('lifetime_value_prior_customers') }} * course.usual_per_customer)
                    / (cohort.customer_count + {{ var('lifetime_value_prior_customers') }})
                    / course.usual_per_customer
                ))
            else 1
        end as margin_per_customer
    from cohort
    left join course using (as_of, horizon_month_count, currency, cohort)
    left join history using (as_of, currency)

)
{%- endmacro %}
