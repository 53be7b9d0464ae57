-- The statements of report/customers.py. Each starts at a line "-- name: …" and ends at the next one. They read tables
-- that have a row per segment or currency, whatever the number of customers.

-- name: segments
-- The RFM segments of each currency.
select
    currency,
    rfm_segment as name,
    customer_count,
    deleted_customer_count,
    net_amount
from gold.rfm_segments
where currency = any(%(currencies)s);

-- name: worths
-- The margin that the customers of each currency have generated, and that is expected of them.
select
    currency,
    customer_count,
    margin_amount,
    expected_margin_amount,
    expected_from,
    expected_until
from gold.lifetime_value_totals
where currency = any(%(currencies)s);

-- name: backtests
-- How wrong such an expectation was, for each currency over the longest time that could be measured.
select distinct on (currency)
    currency,
    as_of_date,
    horizon_month_count,
    expected_margin_amount,
    actual_margin_amount,
    error_share
from gold.lifetime_value_backtest
where currency = any(%(currencies)s) and verdict = 'measured'
order by currency, horizon_month_count desc;
