-- name: before
insert into gold.kpi_anomaly (
    currency, level, member, direction, started_at, ended_at, status, grain, metric, other_metrics, observed, expected,
    lower_bound, upper_bound, effect, amount, score, explanation, run_id
)
values (
    'EUR', 'store', '3', 'below', '2026-06-17', '2026-06-18', 'ended', 'day', 'orders', '', 1, 5, 4, 6, -0.8, -100, 9,
    'x', 'one'
);

-- name: the_anomalies_stay
select count(*) = 1 and max(member) = '3' from gold.kpi_anomaly;

-- name: a_day_of_a_store_has_one_row
select count(*) = 1 from pg_constraint
where
    conrelid = 'gold.kpi_second_opinion'::regclass
    and pg_get_constraintdef(oid) = 'PRIMARY KEY (sold_date, store_id, currency)';

-- name: no_night_has_passed
select count(*) = 0 from meta.second_opinion;
