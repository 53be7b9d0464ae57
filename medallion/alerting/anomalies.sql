-- The statements of medallion/alerting/anomalies.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: open_anomalies
-- The open anomalies on which there is no verdict: their names in incidents, and what they are.
select
    task_id,
    explanation
from meta.vw_open_anomalies
order by started_at, anomaly_id;

-- name: open_incidents
-- The anomalies that have an open incident.
select task_id
from meta.incident
where dag_id = %(dag_id)s and status = 'OPEN' and task_id like 'anomaly\_%%';
