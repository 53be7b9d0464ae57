-- name: before
create table meta.sales_backfill (
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
insert into meta.sales_backfill (from_id, to_id, cursor_value, epoch) values (1, 100, 40, 2), (101, 200, null, 0);

-- name: ranges_stay_where_they_were
select
    array_agg((from_id, to_id, cursor_value, epoch)::text order by from_id) = '{"(1,100,40,2)","(101,200,,0)"}'
    and bool_and(advanced_at is not null)
from meta.sales_backfill;
