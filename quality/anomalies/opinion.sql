-- The statements of quality/anomalies/opinion.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: days
-- The store-days of the last opinion, most unusual first.
select
    sold_date::text as sold_date,
    store_id,
    currency,
    rank,
    score,
    detectors,
    why,
    agrees
from gold.kpi_second_opinion
order by rank;

-- name: last
-- How the last night went.
select
    status,
    last_date::text as last_date,
    says
from meta.second_opinion;

-- name: forget_days
-- Remove the last opinion.
delete from gold.kpi_second_opinion;

-- name: add_days
-- Write an opinion. It agrees on a day on which an anomaly of that store has lasted.
insert into gold.kpi_second_opinion (
    sold_date, store_id, currency, rank, score, detectors, why, run_id, agrees
)
select
    one.sold_date::date,
    one.store_id,
    one.currency,
    one.rank,
    one.score,
    one.detectors,
    one.why,
    one.run_id,
    exists (
        select 1
        from gold.kpi_anomaly as found
        where
            found.level = 'store'
            and found.member = one.store_id::text
            and found.currency = one.currency
            and found.started_at < (one.sold_date::date + 1)::timestamp at time zone 'UTC'
            and found.ended_at > one.sold_date::date::timestamp at time zone 'UTC'
    ) as agrees
from (values %s) as one (sold_date, store_id, currency, rank, score, detectors, why, run_id);

-- name: note
-- Note how a night went.
insert into meta.second_opinion as known (status, last_date, says, run_id)
values (%(status)s, %(last_date)s, %(says)s, %(run_id)s)
on conflict (is_last) do update set
    status = excluded.status,
    last_date = coalesce(excluded.last_date, known.last_date),
    says = excluded.says,
    run_id = excluded.run_id,
    judged_at = clock_timestamp();
