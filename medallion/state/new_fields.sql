-- The statements of medallion/state/new_fields.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: is_there
-- Whether this warehouse has the table: no run has upgraded it yet, if not.
select to_regclass('meta.new_field') is not null;

-- name: known_fields
-- The fields of a dataset that have been reported.
select field
from meta.new_field
where dataset = %(dataset)s;

-- name: add_new_field
-- Keep a field, unless it is known. Returns it if it was not.
insert into meta.new_field (dataset, field, json_type, first_seen_at, path, line_no)
values (
    %(dataset)s, %(field)s, %(json_type)s, coalesce(%(landed_at)s, clock_timestamp()), %(path)s, %(line_no)s
)
on conflict do nothing
returning field;

-- name: new_fields
-- All fields that have been reported, as they came.
select
    dataset,
    field,
    json_type,
    first_seen_at,
    path,
    line_no
from meta.new_field
order by first_seen_at, dataset, line_no, field;
