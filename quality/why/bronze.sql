-- The statements of quality/why/bronze.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: candidate_files
-- Receipts of a dataset whose files may hold a version of the record. By its cursors: a part of a listing by id holds
-- ids after one and up to the other; late arrivals and repairs have the watermark in both, and ids up to it. By the ETL
-- log: a load after that of Silver's row has the record only if it left a row unchanged or superseded one, and a load
-- before it only if that row was an update or a repair (has_moved).
with file as (
    select
        *,
        case
            when cursor_after is null then 0
            when cursor_after ~ '^[0-9]{1,19}$' then cursor_after::numeric
        end as after_id,
        case when cursor_through ~ '^[0-9]{1,19}$' then cursor_through::numeric end as through_id
    from meta.bronze_file
    where dataset = %(dataset)s
)

select
    file.path, file.dataset, file.load_id, file.part, file.records, file.bytes, file.sha256,
    file.cursor_after, file.cursor_through, file.landed_at,
    pull.run_id, file.silver_load_id, file.retired_at, coalesce(file.removed_at, file.expired_at) as expired_at
from file
inner join meta.load as pull on file.load_id = pull.load_id
left join meta.load as taken on file.silver_load_id = taken.load_id
where
    file.path = any(%(paths)s::text[])
    or file.silver_load_id = any(%(loads)s::bigint[])
    or (
        (
            not %(is_by_id)s or file.after_id is null or file.through_id is null
            or (file.after_id < %(id)s and file.through_id >= %(id)s)
            or (file.after_id = file.through_id and file.through_id >= %(id)s)
        )
        and (
            file.silver_load_id is null
            or taken.rows_unchanged + taken.rows_superseded > 0
            or %(has_moved)s
            or (%(is_absent)s and %(is_by_id)s and file.after_id < file.through_id)
        )
    )
order by file.load_id, file.part;

-- name: has_updated
-- Whether one of these loads changed rows that Silver had.
select coalesce(bool_or(rows_updated > 0), false)
from meta.load
where load_id = any(%(loads)s::bigint[]);

-- name: loads_of_versions
-- Loads of a table that appended these versions: a load of versions follows that of the file in its transaction.
select distinct max(file.silver_load_id)
from unnest(%(version_loads)s::bigint[]) as version (load_id)
inner join meta.bronze_file as file on version.load_id > file.silver_load_id
where file.dataset = %(dataset)s
group by version.load_id;

-- name: rejected_lines
-- Lines of the record that are or were in quarantine.
select path, line_no, rejected_record_id, reason, status, resolved_load_id, accepted_at is not null, raw, record_key
from meta.rejected_record
where dataset = %(dataset)s and record_key[1] = %(id)s
order by rejected_record_id;

-- name: repairs
-- The last load of Bronze that has replaced the sale in this table of Silver.
select max(load_id)
from meta.sale_repair
where
    sale_id = %(id)s
    and case %(dataset)s when 'sales_customer' then header_load_id else lines_load_id end is not null;

-- name: checksums
-- The contract's checksum of each of these rows, in their order.
select {checksum}(jsonb_populate_record(null::{table}, line.content))
from unnest(%(rows)s::text[]::jsonb[]) with ordinality as line (content, place)
order by line.place;
