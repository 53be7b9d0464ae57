-- A backfill: a long history, cut into ranges of sale ids that are pulled side by side.

create table if not exists meta.sales_backfill (
    from_id bigint primary key,
    to_id bigint not null,
    cursor_value bigint,
    epoch bigint not null default 0,
    load_id bigint references meta.load,
    cursor_taken bigint,
    planned_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    constraint sales_backfill_is_a_range check (from_id <= to_id),
    constraint sales_backfill_stays_inside check (cursor_value between from_id and to_id),
    constraint sales_backfill_ranges_are_disjoint exclude using gist (int8range(from_id, to_id, '[]') with &&)
);

comment on table meta.sales_backfill is 'Ranges of a backfill under way, both ends included; empty otherwise. '
'The watermark passes a range when that one and all before it are finished.';
comment on column meta.sales_backfill.cursor_value is 'Last sale id of the range that is in a receipted Bronze file; '
'null: none yet.';
comment on column meta.sales_backfill.epoch is 'Fencing token: raised by each process that takes the range.';
comment on column meta.sales_backfill.load_id is 'Load of the process that took the range last.';
comment on column meta.sales_backfill.cursor_taken is 'Where the range stood when that process took it: what it has '
'done since tells its speed.';
