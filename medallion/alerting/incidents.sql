-- The statements of medallion/alerting/incidents.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: fold_failure
-- Opens an incident or counts the failure in the open one, in one statement: the unique index serializes two processes
-- that report at once. The same failure may be reported several times (by the task, by the scheduler that misses its
-- heartbeat, by the end of the run, which does not know the try number): it counts once, and a known cause is never
-- overwritten by an unknown one. A report without a cause that comes after the run's incident was closed is dropped.
insert into meta.incident as incident
(dag_id, task_id, entity, run_id, try_number, load_id, cause, remedy)
select
    %(dag_id)s, %(task_id)s, %(entity)s, %(run_id)s, %(try_number)s::integer,
    (
        select max(load_id) from meta.load
        where run_id = %(run_id)s and layer = %(layer)s and dataset = %(dataset)s
    ),
    %(cause)s, %(remedy)s
where
    %(is_explained)s
    or not exists (
        select from meta.incident as closed
        where
            closed.dag_id = %(dag_id)s and closed.task_id = %(task_id)s
            and closed.run_id = %(run_id)s and closed.status = 'CLOSED'
    )
on conflict (dag_id, task_id) where status = 'OPEN' do update set
    last_seen_at = clock_timestamp(),
    times = incident.times + case
        when
            incident.run_id = excluded.run_id
            and coalesce(incident.try_number = excluded.try_number, true) then 0
        else 1
    end,
    run_id = excluded.run_id,
    try_number = case
        when incident.run_id = excluded.run_id then coalesce(excluded.try_number, incident.try_number)
        else excluded.try_number
    end,
    load_id = coalesce(excluded.load_id, case when incident.run_id = excluded.run_id then incident.load_id end),
    cause = case
        when %(is_explained)s or incident.run_id <> excluded.run_id then excluded.cause else incident.cause
    end,
    remedy = case
        when %(is_explained)s or incident.run_id <> excluded.run_id then excluded.remedy else incident.remedy
    end
returning
    incident_id, dag_id, task_id, entity, status, opened_at, last_seen_at, closed_at, times, run_id, load_id, cause,
    remedy, message_id, xmax = 0 as is_new;

-- name: close_incidents
-- Closes the open incidents of tasks. Locks them in the order of their ids, so that two processes do not deadlock.
with found as (
    select incident_id
    from meta.incident
    where dag_id = %(dag_id)s and task_id = any(%(task_ids)s) and status = 'OPEN'
    order by incident_id
    for update
)

update meta.incident
set status = 'CLOSED', closed_at = clock_timestamp()
from found
where incident.incident_id = found.incident_id
returning
    incident.incident_id, dag_id, task_id, entity, status, opened_at, last_seen_at, closed_at, times, run_id, load_id,
    cause, remedy, message_id, true as is_new;

-- name: hour_began
-- When the last other run began. Ordered by load id and not by time, as a clock that was ahead leaves times in the
-- future.
select started_at from meta.load
where layer = 'bronze' and run_id <> %(run_id)s
order by load_id desc
limit 1;
