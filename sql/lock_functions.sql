-- Functions of the platform's own locks. An advisory lock needs no privilege, so a reader could hold any of them. In
-- these tables a reader can hold nothing that stops a step (docs/decisions/0015).

-- Shows who holds a lock now. A row of meta.lock_holder counts only while its session exists, with the token that it
-- drew, under the role that it recorded. So another process with a reused pid is not taken for the holder.
create or replace view meta.vw_lock_holder as
select
    holder.space,
    holder.name,
    holder.is_shared,
    holder.pid,
    holder.role_name,
    activity.application_name,
    holder.taken_at,
    holder.token
from meta.lock_holder as holder
inner join pg_locks as life
    on
        holder.pid = life.pid
        and holder.token = (life.classid::bigint << 32 | life.objid::bigint)
inner join pg_stat_activity as activity on holder.pid = activity.pid and holder.role_name = activity.usename
where
    life.locktype = 'advisory'
    and life.objsubid = 1
    and life.granted
    and life.database = (select ours.oid from pg_database as ours where ours.datname = current_database());

comment on view meta.vw_lock_holder is 'Locks that a session holds now. One row per lock and session.';

-- Waits for the row of a lock, and holds it to the end of the transaction.
create or replace function meta.hold_lock_row(in_space text, in_name text)
returns void
language plpgsql
as $$
begin
    insert into meta.lock (space, name) values (in_space, in_name) on conflict do nothing;
    perform from meta.lock where space = in_space and name = in_name for update;
end
$$;

comment on function meta.hold_lock_row is 'Takes a lock for the length of a transaction.';

-- Takes a lock for the session, if it is free. Returns the token by which to release it, or who holds it.
--
-- The caller commits at once. Until then no other session can take or check this lock: every statement here, each with
-- its own snapshot, runs after the row is held, so it sees what the previous holder of the row has committed.
create or replace function meta.take_lock(
    in_space text, in_name text, shared boolean, out token bigint, out holder text
)
language plpgsql
as $$
begin
    perform meta.hold_lock_row(in_space, in_name);
    delete from meta.lock_holder as dead
    where
        dead.space = in_space and dead.name = in_name
        and not exists (select from meta.vw_lock_holder as live where live.token = dead.token);
    select format('pid %s (%s) since %s', live.pid, live.application_name, live.taken_at::timestamptz(0))
    into holder
    from meta.vw_lock_holder as live
    where
        live.space = in_space and live.name = in_name
        and live.pid <> pg_backend_pid() -- a session is never in its own way
        and not (live.is_shared and shared)
    order by live.taken_at
    limit 1;
    if holder is not null then
        return;
    end if;
    loop
        token := hashtextextended(gen_random_uuid()::text, 0);
        exit when pg_try_advisory_lock(token);
    end loop;
    insert into meta.lock_holder (token, space, name, is_shared) values (token, in_space, in_name, shared);
end
$$;

comment on function meta.take_lock is 'Takes a lock for the session and returns its token, or returns the session that '
'holds the lock.';

create or replace function meta.give_lock_back(in_token bigint)
returns void
language plpgsql
as $$
begin
    delete from meta.lock_holder where token = in_token;
    perform pg_advisory_unlock(in_token);
end
$$;

comment on function meta.give_lock_back is 'Releases a lock that meta.take_lock took. Never waits.';
