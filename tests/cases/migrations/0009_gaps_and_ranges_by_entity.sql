-- name: before
-- Gaps of every status, one of them with sales inside; a backfill under way.
insert into meta.sales_gap (from_id, to_id, status, known, known_ids) values
(3, 5, 'OPEN', 0, null), (8, 8, 'FILLED', 0, null), (11, 12, 'EXPIRED', 0, null), (20, 40, 'OPEN', 2, '\x01'),
(50, 50, 'WITHDRAWN', 0, null);
update meta.sales_gap set first_seen_at = '2026-11-06 12:00Z', last_checked_at = '2026-11-06 13:00Z';
insert into meta.sales_backfill (from_id, to_id, cursor_value, epoch, cursor_taken, finished_at)
values (101, 200, 200, 2, 100, '2026-11-06 12:00Z'), (201, 300, 240, 1, 200, null);

-- name: every_gap_is_one_of_sales_and_as_it_was
select
    array_agg((entity, from_id, to_id, status, known, known_ids)::text order by from_id) = array[
        '(sales,3,5,OPEN,0,)', '(sales,8,8,FILLED,0,)', '(sales,11,12,EXPIRED,0,)', '(sales,20,40,OPEN,2,"\\x01")',
        '(sales,50,50,WITHDRAWN,0,)'
    ]
    and bool_and(first_seen_at = '2026-11-06 12:00Z' and last_checked_at = '2026-11-06 13:00Z')
from meta.gap;

-- name: every_range_is_one_of_sales_and_as_it_was
select
    array_agg((entity, from_id, to_id, cursor_value, epoch, cursor_taken, finished_at is null)::text order by from_id)
    = array['(sales,101,200,200,2,100,f)', '(sales,201,300,240,1,200,t)']
from meta.backfill_range;

-- name: an_entity_must_be_named
select count(*) = 2 from information_schema.columns
where
    table_schema = 'meta' and table_name in ('gap', 'backfill_range') and column_name = 'entity'
    and is_nullable = 'NO' and column_default is null;

-- name: ranges_of_one_entity_are_disjoint_and_those_of_two_are_not_compared
select count(*) = 2 from pg_constraint
where
    contype = 'x' and conrelid in ('meta.gap'::regclass, 'meta.backfill_range'::regclass)
    and pg_get_constraintdef(oid) like '%text_range(entity, entity, ''[]''::text) WITH =%';
