-- What a pull remembers next to the watermark: gaps among sale ids, a listing's lookback, replays, the source itself.

-- A range with many holes is one row: the sales in it that have landed are listed in it.
alter table meta.sales_gap add column if not exists known bigint not null default 0;
alter table meta.sales_gap add column if not exists known_ids bytea;
alter table meta.sales_gap drop constraint if exists sales_gap_status_check;
alter table meta.sales_gap add constraint sales_gap_status_check
check (status in ('OPEN', 'FILLED', 'EXPIRED', 'WITHDRAWN'));

create table if not exists meta.lookback_page (
    entity text not null,
    page integer not null,
    cursor_before text,
    newest_at timestamptz,
    digests bytea not null,
    primary key (entity, page)
);

create table if not exists meta.unreadable_record (
    entity text not null,
    digest bytea not null,
    load_id bigint not null references meta.load,
    primary key (entity, digest)
);

create table if not exists meta.source_identity (
    entity text primary key,
    source_id text,
    is_accepted boolean not null default false,
    noted_at timestamptz not null default clock_timestamp()
);

create table if not exists meta.source_sample (
    entity text not null,
    record_id bigint not null,
    version text,
    content text not null,
    lasting text not null,
    lines bigint not null default 0,
    net_amount numeric not null default 0,
    checksum bigint not null default 0,
    primary key (entity, record_id)
);

create table if not exists meta.replay (
    replay_id bigint generated always as identity primary key,
    entity text not null,
    first_load_id bigint not null references meta.load,
    cursor_value text,
    cursor_end text,
    requested_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz
);

create unique index if not exists replay_open on meta.replay (entity) where finished_at is null;
