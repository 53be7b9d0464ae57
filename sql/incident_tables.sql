-- What is wrong at this moment, and what was: one incident from the first failure of a task to its next success.

create table if not exists meta.incident (
    incident_id bigint generated always as identity primary key,
    dag_id text not null,
    task_id text not null,
    entity text not null,
    status text not null default 'OPEN' check (status in ('OPEN', 'CLOSED')),
    opened_at timestamptz not null default clock_timestamp(),
    last_seen_at timestamptz not null default clock_timestamp(),
    closed_at timestamptz,
    times integer not null default 1 check (times > 0),
    run_id text not null,
    try_number integer,
    load_id bigint references meta.load,
    cause text not null check (length(cause) <= 2000),
    remedy text not null check (length(remedy) <= 1000),
    untold text[] not null default '{}',
    constraint incident_closed check ((status = 'CLOSED') = (closed_at is not null))
);

comment on table meta.incident is 'Alarm. One row per incident: opened by the first failure of a task, repeats are '
'counted in it, closed by the task''s next success. At most one is open for a task of a DAG.';
comment on column meta.incident.task_id is 'The task; run: the whole run, such as an hour that is late or missing.';
comment on column meta.incident.times is 'Failures so far. A failure that is reported twice counts once.';
comment on column meta.incident.run_id is 'The last run that failed; try_number and load_id are of that run.';
comment on column meta.incident.load_id is 'The batch: the last load of the step in that run; null: it had none yet.';
comment on column meta.incident.remedy is 'What mends it, with the command.';
comment on column meta.incident.untold is 'Channels (email, webhook) that have not taken the last message yet: it is '
'sent again with the next failure or success of the task.';

create unique index if not exists incident_open on meta.incident (dag_id, task_id) where status = 'OPEN';
create index if not exists incident_untold on meta.incident (dag_id, task_id) where untold <> '{}';
