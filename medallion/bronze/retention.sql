-- The statements of medallion/bronze/retention.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: expire_files
-- Expire files that are older, in Silver with every version in them, and hold no open record of the quarantine.
update meta.bronze_file as file
set expired_at = clock_timestamp()
where
    expired_at is null
    and silver_load_id is not null
    and (
        has_versions or retired_at is not null
        or to_regclass(format('silver.%%I', dataset || '_version')) is null
    )
    and landed_at < clock_timestamp() - %(days)s * interval '1 day'
    and not exists (
        select from meta.rejected_record as rejected
        where rejected.path = file.path and rejected.status = 'OPEN'
    );

-- name: files_to_remove
-- Expired files that are still in the store.
select path, bytes
from meta.bronze_file
where expired_at is not null and removed_at is null
order by load_id, part, dataset;

-- name: file_removed
-- Note that a file is gone from the store.
update meta.bronze_file
set removed_at = clock_timestamp()
where path = %(path)s;

-- name: files_only_in_silver
-- Number of files that Silver has taken and that can no longer be read. A later full refresh does not replace them:
-- what the source has withdrawn since is in Silver alone.
select count(*)
from meta.bronze_file
where silver_load_id is not null and (expired_at is not null or retired_at is not null);
