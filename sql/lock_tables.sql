-- The tables of our own locks, before anything else: the schema itself is applied under one of them. Two processes may
-- come here at once, on an empty database: the second waits for the first, and finds that all is there.
--
-- Unlogged: a crash of the server ends every session, and empties both tables. No commit of a lock waits for the disk.

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

-- Schemas that are applied at once follow each other.
insert into meta.lock (space, name) values ('meta', 'schema') on conflict do nothing;
select from meta.lock where space = 'meta' and name = 'schema' for update;

comment on table meta.lock is 'One row per name that was ever locked. It is held (for update) while a lock is taken,'
' or for the length of a transaction; a reader may not hold it.';
comment on table meta.lock_holder is 'One row per lock that a session took. It counts as long as meta.vw_lock_holder '
'has it.';
comment on column meta.lock_holder.token is 'Random key of an advisory lock that the session holds as a sign of life: '
'the server drops it with the session, whatever ends it.';
comment on column meta.lock_holder.is_shared is 'With others that share it, against any session that wants it alone.';
