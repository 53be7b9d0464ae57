-- The statements of medallion/state/receipts.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: add_receipt
-- Record a Bronze file that is durable.
insert into meta.bronze_file
(path, dataset, load_id, part, records, bytes, sha256, cursor_after, cursor_through)
values (
    %(path)s, %(dataset)s, %(load_id)s, %(part)s, %(records)s, %(bytes)s, %(sha256)s,
    %(cursor_after)s, %(cursor_through)s
);

-- name: receipts
-- Receipts of all readable files, in the order in which they landed.
select path, dataset, load_id, part, records, bytes, sha256, cursor_after, cursor_through, landed_at
from meta.bronze_file
where retired_at is null and expired_at is null
order by load_id, part, dataset;

-- name: retire_file
-- Retire a damaged file, only if a later full refresh has ended: it has landed every record again.
update meta.bronze_file as damaged
set retired_at = clock_timestamp()
where
    damaged.path = %(path)s
    and (
        exists (
            select from meta.replay
            inner join meta.dataset on replay.entity = dataset.entity
            where
                dataset.dataset = damaged.dataset
                and replay.first_load_id > damaged.load_id
                and replay.finished_at is not null
        )
        or exists ( -- from before full refreshes had a table
            select from meta.bronze_file as again
            inner join meta.load on again.load_id = load.load_id
            where
                again.dataset = damaged.dataset
                and again.load_id > damaged.load_id
                and again.cursor_after is null
                and load.status = 'SUCCESS'
                and not exists (select from meta.replay where replay.first_load_id = again.load_id)
        )
    )
returning damaged.path;

-- name: unloaded_files
-- Files that Silver has not taken, in the order in which they landed. What a sender has to correct is not taken.
select
    landed.path, landed.dataset, landed.load_id, landed.part, landed.records, landed.bytes, landed.sha256,
    landed.cursor_after, landed.cursor_through, landed.landed_at
from meta.bronze_file as landed
where
    landed.dataset = %(dataset)s
    and landed.silver_load_id is null
    and landed.retired_at is null
    and not exists (select from meta.delivery where delivery.path = landed.path and delivery.status = 'REFUSED')
order by landed.load_id, landed.part;

-- name: mark_loaded
-- Mark a file as taken into Silver, with the versions in it.
update meta.bronze_file
set silver_load_id = %(load_id)s, has_versions = true
where path = %(path)s and silver_load_id is null;

-- name: files_without_versions
-- Files that Silver took before it kept versions, and that can still be read.
select path, dataset, load_id, part, records, bytes, sha256, cursor_after, cursor_through, landed_at
from meta.bronze_file
where
    dataset = %(dataset)s and silver_load_id is not null and not has_versions
    and retired_at is null and expired_at is null
order by load_id, part;

-- name: mark_versions_kept
-- Note that Silver has every version in a file.
update meta.bronze_file
set has_versions = true
where path = %(path)s;

-- name: files_waiting
-- Number of files of these datasets that Silver has not taken.
select count(*)
from meta.bronze_file as landed
where
    landed.dataset = any(%(datasets)s)
    and landed.silver_load_id is null
    and landed.retired_at is null
    and not exists (select from meta.delivery where delivery.path = landed.path and delivery.status = 'REFUSED');

-- name: has_landed
-- Whether any file of the datasets has ever landed.
select exists (select from meta.bronze_file where dataset = any(%(datasets)s));
