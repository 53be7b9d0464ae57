-- The statements of medallion/state/watermarks.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: claim_entity
-- Claim an entity under a new epoch.
update meta.ingestion_state
set epoch = epoch + 1
where entity = %(entity)s
returning cursor_value, epoch;

-- name: advance_watermark
-- Move a watermark. No row on a stale epoch.
update meta.ingestion_state
set cursor_value = %(cursor_value)s, load_id = %(load_id)s, updated_at = clock_timestamp()
where entity = %(entity)s and epoch = %(epoch)s
returning cursor_value;
