-- The statements of medallion/alerting/messages.py. Each starts at a line "-- name: …" and ends at the next one.
-- All of them lock incidents before messages, so that they do not deadlock.

-- name: message_of_cause
-- Open the message of a run and cause, or find it. The unique index decides which of several tasks that fail at once
-- creates the message. The update changes nothing: it waits for a transaction that is about to close the message, and
-- then a new message is created.
insert into meta.incident_message as message (dag_id, run_id, cause_key, pending_channels)
select dag_id, run_id, %(cause_key)s, %(channels)s::text[]
from meta.incident
where incident_id = %(incident_id)s
on conflict (dag_id, run_id, cause_key) where status = 'OPEN' do update set dag_id = excluded.dag_id
returning message_id;

-- name: join_message
-- Assign an incident to a message.
update meta.incident
set message_id = %(message_id)s
where incident_id = %(incident_id)s;

-- name: hold_messages
-- Lock the messages, in id order, until the transaction ends.
select message_id
from meta.incident_message
where message_id = any(%(message_ids)s)
order by message_id
for update;

-- name: close_messages
-- Close messages whose incidents are all closed, so that their end is sent.
update meta.incident_message as message
set status = 'CLOSED', closed_at = clock_timestamp(), pending_channels = %(channels)s::text[]
where
    message.message_id = any(%(message_ids)s) and message.status = 'OPEN'
    and not exists (
        select from meta.incident
        where incident.message_id = message.message_id and incident.status = 'OPEN'
    );

-- name: claim_messages
-- Claim messages that are due. A claim that is older than the lease was left by a sender that died; so was a claim in
-- the future, as the clock was set back since.
with found as (
    select message.message_id
    from meta.incident_message as message
    where
        message.pending_channels <> '{}'
        and message.message_id || ' ' || message.status <> all(%(tried)s::text[])
        and coalesce(abs(extract(epoch from clock_timestamp() - message.claimed_at)) > %(lease)s, true)
        and exists (
            select from meta.incident
            where
                incident.message_id = message.message_id
                and incident.dag_id = %(dag_id)s and incident.task_id = any(%(task_ids)s)
        )
    order by message.message_id
    for update skip locked
)

update meta.incident_message as message
set sender = %(sender)s::uuid, claimed_at = clock_timestamp()
from found
where message.message_id = found.message_id
returning message.message_id, message.status, message.pending_channels;

-- name: message_incident
-- The first incident of a message that is in the state the message reports, and the tasks of all its incidents.
select
    incident_id, dag_id, task_id, entity, %(status)s as status, opened_at, last_seen_at,
    case when %(status)s = 'CLOSED' then max(closed_at) over () end as closed_at,
    times, run_id, load_id, cause, remedy, message_id, false as is_new,
    array_agg(task_id) over (
        order by incident_id rows between unbounded preceding and unbounded following
    ) as tasks
from meta.incident
where message_id = %(message_id)s
order by status = %(status)s desc, incident_id
limit 1;

-- name: message_taken
-- Note that a channel has taken a message. If the message was closed while it was sent, its end is still to be sent.
update meta.incident_message
set pending_channels = array_remove(pending_channels, %(channel)s)
where message_id = %(message_id)s and sender = %(sender)s::uuid and status = %(status)s;

-- name: release_message
-- Release a message after it was sent. A process that took it over meanwhile keeps it.
update meta.incident_message
set sender = null, claimed_at = null
where message_id = %(message_id)s and sender = %(sender)s::uuid;
