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

alter table meta.sales_backfill add column if not exists advanced_at timestamptz not null default clock_timestamp();
