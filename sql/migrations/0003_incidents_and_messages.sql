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
    constraint incident_closed check ((status = 'CLOSED') = (closed_at is not null))
);

create unique index if not exists incident_open on meta.incident (dag_id, task_id) where status = 'OPEN';

create table if not exists meta.incident_message (
    message_id bigint generated always as identity primary key,
    dag_id text not null,
    run_id text not null,
    cause_key text not null,
    status text not null default 'OPEN' check (status in ('OPEN', 'CLOSED')),
    opened_at timestamptz not null default clock_timestamp(),
    closed_at timestamptz,
    untold text[] not null default '{}',
    sender uuid,
    claimed_at timestamptz,
    constraint incident_message_closed check ((status = 'CLOSED') = (closed_at is not null)),
    constraint incident_message_claimed check ((sender is null) = (claimed_at is null))
);

create unique index if not exists incident_message_open on meta.incident_message (dag_id, run_id, cause_key)
where status = 'OPEN';
create index if not exists incident_message_untold on meta.incident_message (message_id) where untold <> '{}';

alter table meta.incident add column if not exists message_id bigint references meta.incident_message;
create index if not exists incident_of_message on meta.incident (message_id);

-- Incidents of an older version, which kept in a column of their own whom nobody had told yet: a message each. Through
-- JSON, as the column is gone the second time.
insert into meta.incident_message (dag_id, run_id, cause_key, status, opened_at, closed_at, untold)
select
    dag_id,
    run_id,
    'incident ' || incident_id as cause_key,
    status,
    opened_at,
    closed_at,
    array(select jsonb_array_elements_text(to_jsonb(incident) -> 'untold')) as untold
from meta.incident
where
    message_id is null
    and (status = 'OPEN' or jsonb_array_length(to_jsonb(incident) -> 'untold') > 0);

update meta.incident
set message_id = message.message_id
from meta.incident_message as message
where incident.message_id is null and message.cause_key = 'incident ' || incident.incident_id;

alter table meta.incident drop column if exists untold;
