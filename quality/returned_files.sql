-- The statements of quality/returned_files.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: to_return
-- Deliveries that their senders have to correct and have not got back: the last one of each file, refused or with rows
-- that wait in quarantine.
select delivery.delivery_id
from meta.delivery
where
    delivery.entity = %(entity)s
    and delivery.returned_at is null
    and not exists (
        select from meta.delivery as later
        where
            later.entity = delivery.entity
            and later.period = delivery.period
            and later.delivery_id > delivery.delivery_id
            and (later.status in ('LANDED', 'LOADED') or later.name = delivery.name)
    )
    and (
        (
            delivery.status = 'REFUSED'
            and exists (
                select from meta.inbox_file as there
                where there.entity = delivery.entity and there.name = delivery.name and there.sha256 = delivery.sha256
            )
        )
        or (
            delivery.status = 'LOADED'
            and exists (
                select from meta.rejected_record as rejected
                where rejected.path = delivery.path and rejected.status = 'OPEN'
            )
        )
    )
order by delivery.delivery_id;

-- name: receipt
-- The receipt of a file.
select path, dataset, load_id, part, records, bytes, sha256, cursor_after, cursor_through, landed_at
from meta.bronze_file
where path = %(path)s;
