-- The statements of report/anomalies.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: is_there
-- Whether anomalies can be recorded in this warehouse.
select to_regclass('gold.kpi_anomaly') is not null and to_regclass('meta.kpi_judgement') is not null;

-- name: anomalies
-- The anomalies that are open, and those that ended or were not judged since a moment, each with its last verdict: what
-- waits for a person first, then the newest.
select
    found.anomaly_id,
    found.currency,
    found.level,
    found.member,
    found.metric,
    found.started_at,
    found.ended_at,
    found.status,
    found.effect,
    found.amount,
    found.explanation,
    found.suppressed_because,
    said.verdict,
    said.note
from gold.kpi_anomaly as found
left join meta.vw_anomaly_verdicts as said
    on
        (found.started_at at time zone 'UTC')::date = said.started_on
        and (found.currency, found.level, found.member, found.direction)
        = (said.currency, said.level, said.member, said.direction)
where found.started_at < %(now)s and (found.status = 'open' or found.ended_at > %(since)s)
order by
    found.status = 'open' and said.verdict is null desc, found.status = 'open' desc, found.started_at desc,
    abs(found.amount) desc, found.anomaly_id asc;

-- name: judgements
-- Until when hours and days were judged.
select
    grain,
    judged_until,
    says
from meta.kpi_judgement
order by grain desc;
