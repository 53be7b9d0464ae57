-- The statements of quality/anomalies/store.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: anomalies
-- Anomalies that had not ended by a moment, each with its last verdict, newest first.
select
    found.anomaly_id,
    said.verdict,
    said.note,
    found.judged_at,
    found.currency,
    found.level,
    found.member,
    found.direction,
    found.started_at,
    found.ended_at,
    found.status,
    found.grain,
    found.metric,
    found.other_metrics,
    found.observed,
    found.expected,
    found.lower_bound,
    found.upper_bound,
    found.effect,
    found.amount,
    found.score,
    found.explanation,
    found.suppressed_because,
    found.run_id
from gold.kpi_anomaly as found
left join meta.vw_anomaly_verdicts as said
    on
        (found.started_at at time zone 'UTC')::date = said.started_on
        and (found.currency, found.level, found.member, found.direction)
        = (said.currency, said.level, said.member, said.direction)
where
    case
        when %(anomaly_id)s::bigint is null then found.ended_at > %(since)s
        else found.anomaly_id = %(anomaly_id)s::bigint
    end
order by found.started_at desc, found.anomaly_id desc;

-- name: forget_anomalies
-- Remove the anomalies that had not ended by a moment, but for those that are found again.
delete from gold.kpi_anomaly
where
    ended_at > %(since)s
    and ((started_at at time zone 'UTC')::date, currency, level, member, direction) not in (
        select
            (again.started_at at time zone 'UTC')::date,
            again.currency,
            again.level,
            again.member,
            again.direction
        from unnest(
            %(started_at)s::timestamptz[], %(currencies)s::text[], %(levels)s::text[], %(members)s::text[],
            %(directions)s::text[]
        ) as again (started_at, currency, level, member, direction)
    );

-- name: add_anomalies
-- Write anomalies. One that is there already is brought up to date, if it has changed.
insert into gold.kpi_anomaly as known (
    currency, level, member, direction, started_at, ended_at, status, grain, metric, other_metrics, observed, expected,
    lower_bound, upper_bound, effect, amount, score, explanation, suppressed_because, run_id
)
values %s
on conflict (((started_at at time zone 'UTC')::date), currency, level, member, direction) do update set
    started_at = excluded.started_at,
    ended_at = excluded.ended_at,
    status = excluded.status,
    grain = excluded.grain,
    metric = excluded.metric,
    other_metrics = excluded.other_metrics,
    observed = excluded.observed,
    expected = excluded.expected,
    lower_bound = excluded.lower_bound,
    upper_bound = excluded.upper_bound,
    effect = excluded.effect,
    amount = excluded.amount,
    score = excluded.score,
    explanation = excluded.explanation,
    suppressed_because = excluded.suppressed_because,
    run_id = excluded.run_id,
    judged_at = clock_timestamp()
where
    (
        known.started_at, known.ended_at, known.status, known.metric, known.observed, known.expected, known.explanation
    )
    is distinct from (
        excluded.started_at, excluded.ended_at, excluded.status, excluded.metric, excluded.observed, excluded.expected, excluded.explanation
    );

-- name: judgements
-- Until when each grain was judged.
select
    grain,
    judged_until,
    says
from meta.kpi_judgement;

-- name: write_judgement
-- Note until when a grain was judged.
insert into meta.kpi_judgement (grain, judged_until, says, run_id)
values (%(grain)s, %(until)s, %(says)s, %(run_id)s)
on conflict (grain) do update set
    judged_until = excluded.judged_until,
    says = excluded.says,
    run_id = excluded.run_id,
    judged_at = clock_timestamp();

-- name: note_failure
-- Note that a judgement failed.
insert into meta.kpi_judgement (grain, says, run_id)
values (%(grain)s, %(says)s, %(run_id)s)
on conflict (grain) do update set says = excluded.says, run_id = excluded.run_id, judged_at = clock_timestamp();

-- name: give_verdict
-- Record a verdict.
insert into meta.anomaly_verdict (currency, level, member, direction, started_at, verdict, note, given_by)
values (
    %(currency)s, %(level)s, %(member)s, %(direction)s, %(started_at)s, %(verdict)s, %(note)s, %(given_by)s
);

-- name: verdicts
-- How many anomalies that began since a moment have each verdict.
select
    verdict,
    count(*)
from meta.vw_anomaly_verdicts
where started_on >= (%(since)s at time zone 'UTC')::date
group by verdict;
