select dag_id, task_id, entity, opened_at, last_seen_at, times, run_id, load_id, cause, remedy
from meta.incident
where status = 'OPEN'
order by opened_at, incident_id;
