-- The statements of medallion/state/pull.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: clock
-- The time by the warehouse's clock.
select clock_timestamp();

-- name: lookback_pages
-- The last pages of a listing, in its order.
select cursor_before, newest_at, digests
from meta.lookback_page
where entity = %(entity)s
order by page;

-- name: forget_lookback
-- Delete the pages of the previous pull.
delete from meta.lookback_page
where entity = %(entity)s;

-- name: keep_lookback_page
-- Keep one of the last pages, for the lookback of the next pull.
insert into meta.lookback_page (entity, page, cursor_before, newest_at, digests)
values (%(entity)s, %(page)s, %(cursor_before)s, %(newest_at)s, %(digests)s);

-- name: known_unreadable
-- Those of the digests whose records have landed before.
select digest
from meta.unreadable_record
where entity = %(entity)s and digest = any(%(digests)s::bytea[]);

-- name: note_unreadable
-- Note records without a readable id by their digests, so that they land once.
insert into meta.unreadable_record (entity, digest, load_id)
select %(entity)s, digest, %(load_id)s
from unnest(%(digests)s::bytea[]) as landed (digest)
on conflict do nothing;

-- name: source_id
-- The name of the source that an entity is pulled from.
select source_id
from meta.source_identity
where entity = %(entity)s;

-- name: note_source
-- Note the name that a source gives itself.
insert into meta.source_identity (entity, source_id)
values (%(entity)s, %(source_id)s)
on conflict (entity) do update set source_id = excluded.source_id, noted_at = clock_timestamp()
where source_identity.source_id is distinct from excluded.source_id;

-- name: sample
-- Fingerprints by which a pull recognizes its source.
select record_id, version, content, lasting, lines, net_amount, checksum
from meta.source_sample
where entity = %(entity)s
order by record_id;

-- name: forget_sample
-- Delete the fingerprints of the previous pull.
delete from meta.source_sample
where entity = %(entity)s;

-- name: keep_sample
-- Keep the fingerprint of a record.
insert into meta.source_sample (entity, record_id, version, content, lasting, lines, net_amount, checksum)
values (
    %(entity)s, %(record_id)s, %(version)s, %(content)s, %(lasting)s, %(lines)s, %(net_amount)s,
    %(checksum)s
);

-- name: accept_source
-- Forget the source, and accept the next one that answers.
insert into meta.source_identity (entity, is_accepted)
values (%(entity)s, true)
on conflict (entity) do update set source_id = null, is_accepted = true, noted_at = clock_timestamp();

-- name: is_accepted
-- Whether an operator has accepted the next source that answers.
select exists (select from meta.source_identity where entity = %(entity)s and is_accepted);

-- name: end_acceptance
-- End the acceptance: from here on the source is checked again.
update meta.source_identity
set is_accepted = false
where entity = %(entity)s and is_accepted;

-- name: open_replay
-- The full refresh that has not ended.
select replay_id, cursor_value, cursor_end
from meta.replay
where entity = %(entity)s and finished_at is null;

-- name: begin_replay
-- Open a full refresh.
insert into meta.replay (entity, first_load_id, cursor_end)
values (%(entity)s, %(load_id)s, %(cursor_end)s)
returning replay_id, cursor_value, cursor_end;

-- name: advance_replay
-- Move the position of a full refresh.
update meta.replay
set cursor_value = %(cursor_value)s
where replay_id = %(replay_id)s;

-- name: finish_replay
-- Close a full refresh.
update meta.replay
set finished_at = clock_timestamp()
where replay_id = %(replay_id)s;
