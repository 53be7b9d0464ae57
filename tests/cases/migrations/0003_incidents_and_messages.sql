-- name: before
-- Whom nobody had told yet stood in a column of the incident.
create table meta.incident (
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
create unique index incident_open on meta.incident (dag_id, task_id) where status = 'OPEN';
create index incident_untold on meta.incident (dag_id, task_id) where untold <> '{}';
insert into meta.incident (dag_id, task_id, entity, run_id, cause, remedy, untold, status, closed_at)
values
('hourly', 'bronze_sales', 'sales', 'old', 'down', 'wait', '{email}', 'OPEN', null),
('hourly', 'bronze_products', 'products', 'old', 'down', 'wait', '{}', 'OPEN', null),
('hourly', 'dbt_test', 'dbt_test', 'old', 'red', 'wait', '{email,webhook}', 'CLOSED', now()),
('hourly', 'dbt_deps', 'dbt_deps', 'old', 'red', 'wait', '{}', 'CLOSED', now());

-- name: incidents_stay
select count(*) = 4 and count(*) filter (where status = 'OPEN') = 2 from meta.incident;

-- name: what_is_open_or_untold_has_a_message
select
    array_agg((incident.task_id, message.status, message.untold)::text order by incident.task_id)
    = array['(bronze_products,OPEN,{})', '(bronze_sales,OPEN,{email})', '(dbt_test,CLOSED,"{email,webhook}")']
from meta.incident inner join meta.incident_message as message using (message_id);
