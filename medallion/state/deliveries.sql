-- The statements of medallion/state/deliveries.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: next_delivery
-- An id for a delivery.
select nextval(pg_get_serial_sequence('meta.delivery', 'delivery_id'));

-- name: add_delivery
-- Record a delivery under the id that its rows bear.
insert into meta.delivery (
    delivery_id, entity, name, period, sha256, bytes, status, path, row_count, cell_count, other_cell_count, notes,
    reason, remedy, superseded_by, load_id
)
overriding system value
values (
    %(delivery_id)s, %(entity)s, %(name)s, %(period)s, %(sha256)s, %(bytes)s, %(status)s, %(path)s, %(rows)s,
    %(cells)s, %(other_cells)s, %(notes)s, %(reason)s, %(remedy)s, %(superseded_by)s, %(load_id)s
);

-- name: refuse_again
-- Give a file that was refused before today's reason.
update meta.delivery
set reason = %(reason)s, remedy = %(remedy)s, load_id = %(load_id)s
where
    entity = %(entity)s
    and name = %(name)s
    and sha256 = %(sha256)s
    and period = %(period)s
    and status = 'REFUSED'
    and path is null
returning delivery_id;

-- name: sightings
-- What the inbox of an entity held, by name.
select name, sha256
from meta.inbox_file
where entity = %(entity)s;

-- name: note_sighting
-- Note the content of a file.
insert into meta.inbox_file (entity, name, sha256)
values (%(entity)s, %(name)s, %(sha256)s)
on conflict (entity, name) do update set sha256 = excluded.sha256, seen_at = clock_timestamp();

-- name: forget_gone
-- Forget the files that the inbox does not hold any more.
delete from meta.inbox_file
where entity = %(entity)s and name <> all(%(names)s);

-- name: deliveries
-- Every delivery of an entity.
select
    delivery_id, entity, name, period, sha256, bytes, status, path, row_count, cell_count, other_cell_count, notes,
    reason, remedy, superseded_by, load_id, seen_at, checked_at, returned_sha256, returned_at
from meta.delivery
where entity = %(entity)s
order by delivery_id;

-- name: delivery_of
-- The delivery whose rows a Bronze file holds.
select
    delivery_id, entity, name, period, sha256, bytes, status, path, row_count, cell_count, other_cell_count, notes,
    reason, remedy, superseded_by, load_id, seen_at, checked_at, returned_sha256, returned_at
from meta.delivery
where path = %(path)s;

-- name: empty_deliveries
-- Deliveries that landed and have no rows to load.
select delivery_id
from meta.delivery
where entity = %(entity)s and status = 'LANDED' and path is null
order by delivery_id;

-- name: mark_loaded
-- Mark a delivery as loaded.
update meta.delivery
set status = 'LOADED', superseded_by = null, reason = null, remedy = null, checked_at = null
where delivery_id = %(delivery_id)s;

-- name: supersede
-- Mark the loaded deliveries of the same period before the newest one as superseded by it. A delivery that waits for
-- its load has not replaced anything yet.
update meta.delivery as old
set status = 'SUPERSEDED', superseded_by = newest.delivery_id
from (
    select max(other.delivery_id) as delivery_id
    from meta.delivery as other
    inner join meta.delivery as this on other.entity = this.entity and other.period = this.period
    where this.delivery_id = %(delivery_id)s and other.status = 'LOADED'
) as newest, meta.delivery as this
where
    this.delivery_id = %(delivery_id)s
    and old.entity = this.entity
    and old.period = this.period
    and old.status = 'LOADED'
    and old.delivery_id < newest.delivery_id
returning
    old.delivery_id, old.entity, old.name, old.period, old.sha256, old.bytes, old.status, old.path, old.row_count,
    old.cell_count, old.other_cell_count, old.notes, old.reason, old.remedy, old.superseded_by, old.load_id,
    old.seen_at, old.checked_at, old.returned_sha256,
    old.returned_at;

-- name: note_copy
-- Note the content of the marked copy of a file, before it is put into the inbox.
update meta.delivery
set returned_sha256 = %(sha256)s
where delivery_id = %(delivery_id)s;

-- name: note_returned
-- Note that the marked copy went back.
update meta.delivery
set returned_at = clock_timestamp()
where delivery_id = %(delivery_id)s;

-- name: refuse_landed
-- Refuse a delivery that landed and cannot be loaded: no load reads its file again.
update meta.delivery
set status = 'REFUSED', reason = %(reason)s, remedy = %(remedy)s, superseded_by = null
where path = %(path)s;
