-- The statements of medallion/state/loads.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: open_load
-- Begin a load in the ETL log.
insert into meta.load (run_id, layer, dataset)
values (%(run_id)s, %(layer)s, %(dataset)s)
returning load_id;

-- name: abandon_loads
-- Fail loads that a process that died has left open.
update meta.load
set
    status = 'FAILED', ended_at = clock_timestamp(),
    error_message = 'the process ended before the load did; nothing after its last commit was kept'
where layer = %(layer)s and dataset = %(dataset)s and status = 'RUNNING'
returning load_id;

-- name: add_to_load
-- Add a landed file to the counts of its load.
update meta.load
set rows_read = rows_read + %(records)s, rows_inserted = rows_inserted + %(records)s, bytes = bytes + %(bytes)s
where load_id = %(load_id)s;

-- name: close_load
-- End a load with its counts.
update meta.load
set
    status = 'SUCCESS', ended_at = clock_timestamp(),
    rows_read = %(rows_read)s, rows_inserted = %(rows_inserted)s, rows_updated = %(rows_updated)s,
    rows_unchanged = %(rows_unchanged)s, rows_superseded = %(rows_superseded)s,
    rows_rejected = %(rows_rejected)s, bytes = %(bytes)s
where load_id = %(load_id)s and status = 'RUNNING';

-- name: succeed_load
-- End a load whose counts were kept along the way.
update meta.load
set status = 'SUCCESS', ended_at = clock_timestamp()
where load_id = %(load_id)s and status = 'RUNNING';

-- name: fail_load
-- End a load with its error.
update meta.load
set
    status = 'FAILED', ended_at = clock_timestamp(), error_message = %(error_message)s,
    error_type = %(error_type)s, remedy = %(remedy)s, exit_code = %(exit_code)s
where load_id = %(load_id)s and status = 'RUNNING';

-- name: log_failure
-- Log a step that failed before it had a load.
insert into meta.load (run_id, layer, dataset, status, ended_at, error_message, error_type, remedy, exit_code)
values (
    %(run_id)s, %(layer)s, %(dataset)s, 'FAILED', clock_timestamp(), %(error_message)s,
    %(error_type)s, %(remedy)s, %(exit_code)s
);

-- name: log_unlogged
-- Log the failure of a step, unless the step has logged it itself.
insert into meta.load (run_id, layer, dataset, status, ended_at, error_message, error_type, remedy, exit_code)
select
    %(run_id)s, %(layer)s, %(dataset)s, 'FAILED', clock_timestamp(), %(error_message)s,
    %(error_type)s, %(remedy)s, %(exit_code)s
where not exists (
    select from meta.load
    where
        run_id = %(run_id)s and layer = %(layer)s and dataset = %(dataset)s
        and (
            status = 'RUNNING'
            or (status = 'FAILED' and (%(error_type)s::text is null or error_type = %(error_type)s))
        )
);
