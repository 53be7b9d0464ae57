-- Files that people hand over: what each one was, and what became of it.

alter table meta.entity drop constraint entity_ordered_by_check;
alter table meta.entity add constraint entity_ordered_by_check
check (ordered_by in ('id', 'updated_at', 'delivery'));

create table meta.delivery (
    delivery_id bigint generated always as identity primary key,
    entity text not null references meta.entity,
    name text not null,
    period text not null,
    sha256 text not null,
    bytes bigint not null check (bytes >= 0),
    status text not null check (status in ('LANDED', 'LOADED', 'REFUSED', 'SUPERSEDED')),
    path text references meta.bronze_file,
    row_count bigint not null default 0 check (row_count >= 0),
    cell_count bigint not null default 0 check (cell_count >= 0),
    other_cell_count bigint not null default 0 check (other_cell_count >= 0),
    notes text not null default '',
    reason text,
    remedy text,
    superseded_by bigint references meta.delivery,
    load_id bigint not null references meta.load,
    seen_at timestamptz not null default clock_timestamp(),
    checked_at timestamptz,
    returned_sha256 text,
    returned_at timestamptz,
    check ((status = 'REFUSED') = (reason is not null)),
    check ((status = 'SUPERSEDED') = (superseded_by is not null))
);
create index delivery_by_period on meta.delivery (entity, period, delivery_id);
create unique index delivery_of_a_file on meta.delivery (path);

-- What the inbox held when it was last looked at. A file that stays as it is is no news.
create table meta.inbox_file (
    entity text not null references meta.entity,
    name text not null,
    sha256 text not null,
    seen_at timestamptz not null default clock_timestamp(),
    primary key (entity, name)
);
