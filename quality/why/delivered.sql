-- The statements of quality/why/delivered.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: models
-- Tables of Gold, among these, that have all of these columns.
select relation.relname::text
from pg_catalog.pg_class as relation
where
    format('gold.%%s', relation.relname) = any(%(models)s::text[])
    and relation.relnamespace = 'gold'::regnamespace
    and %(columns)s::text[] <@ array(
        select attribute.attname::text
        from pg_catalog.pg_attribute as attribute
        where attribute.attrelid = relation.oid and not attribute.attisdropped
    )
order by relation.relname;

-- name: file
-- A Bronze file: its receipt, the run that landed it, the load that took it, and whether it is still read.
select
    file.path, file.dataset, file.load_id, file.part, file.records, file.bytes, file.sha256,
    file.cursor_after, file.cursor_through, file.landed_at,
    pull.run_id, file.silver_load_id, file.retired_at, coalesce(file.removed_at, file.expired_at) as expired_at
from meta.bronze_file as file
inner join meta.load as pull on file.load_id = pull.load_id
where file.path = %(path)s;

-- name: quarantine
-- Lines of an entity that are or were in quarantine.
select path, line_no, rejected_record_id, reason, status, resolved_load_id, accepted_at is not null
from meta.rejected_record
where dataset = %(entity)s
order by rejected_record_id;
