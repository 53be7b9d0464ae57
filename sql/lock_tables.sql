-- The tables of the platform's own locks. Created first, as the schema itself is applied under such a lock. On an empty
-- database two processes may run this at once: the second waits for the first, and finds that the tables exist.
--
-- Unlogged: a server crash ends every session and empties both tables. Committing a lock does not wait for the disk.

do $$
begin
    create schema if not exists meta;
    create unlogged table if not exists meta.lock (
        space text,
        name text,
        primary key (space, name)
    );
    create unlogged table if not exists meta.lock_holder (
        token bigint primary key,
        space text not null,
        name text not null,
        is_shared boolean not null,
        pid integer not null default pg_backend_pid(),
        role_name text not null default session_user,
        taken_at timestamptz not null default clock_timestamp()
    );
exception
    when unique_violation or duplicate_schema or duplicate_table then null; -- made by another, a moment ago
end
$$;

-- Serializes processes that apply the schema at once.
insert into meta.lock (space, name) values ('meta', 'schema') on conflict do nothing;
select from meta.lock where space = 'meta' and name = 'schema' for update;

comment on table meta.lock is 'One row per name that was ever locked. It is held (for update) while a lock is taken,'
' or for the length of a transaction; a reader may not hold it.';
comment on table meta.lock_holder is 'One row per lock that a session took. It is valid as long as '
'meta.vw_lock_holder shows it.';
comment on column meta.lock_holder.token is 'Random key of an advisory lock that the session holds as a sign of life: '
'the server drops it with the session, whatever ends the session.';
comment on column meta.lock_holder.is_shared is 'Whether other sessions may share the lock; an exclusive session is '
'still kept out.';
