-- The statements of loaders/quarantine.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: open_between
-- Open records whose keys begin within these bounds, of files that landed before this one.
select rejected.rejected_record_id, rejected.record_key
from meta.rejected_record as rejected
inner join meta.bronze_file as file on rejected.path = file.path
where
    rejected.dataset = %(dataset)s
    and rejected.status = 'OPEN'
    and rejected.record_key[1] between %(least)s and %(greatest)s
    and (file.load_id, file.part) < (%(load_id)s, %(part)s);

-- name: accepted_lines
-- Lines of a file that a retry has accepted.
select line_no
from meta.rejected_record
where path = %(path)s and accepted_at is not null;

-- name: settle_superseded
-- Resolve records that a load has corrected. A line whose number did not come again counts as corrected if every record
-- of its sale in the file could be loaded.
update meta.rejected_record as rejected
set status = 'RESOLVED', resolved_load_id = %(load_id)s
where
    rejected.rejected_record_id = any(%(exact)s::bigint[] || %(same_sale)s::bigint[])
    and rejected.status = 'OPEN'
    and (
        rejected.rejected_record_id = any(%(exact)s::bigint[])
        or not exists (
            select from meta.rejected_record as again
            where again.path = %(path)s and again.sale_id = rejected.sale_id
        )
    );
