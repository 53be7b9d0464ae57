-- Tables that record which version of sql/ the warehouse has. Created first, as applying the rest depends on them.

create table if not exists meta.applied_schema (
    is_only boolean primary key default true check (is_only),
    digest text not null,
    applied_at timestamptz not null default clock_timestamp()
);

create table if not exists meta.migration (
    number integer primary key check (number > 0),
    name text not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    applied_at timestamptz not null default clock_timestamp()
);
