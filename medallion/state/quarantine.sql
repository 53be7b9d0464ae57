-- The statements of medallion/state/quarantine.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: reject_record
-- Put a record into quarantine. A record that is there already gets the new reason.
insert into meta.rejected_record (dataset, path, line_no, reason, field, raw, record_key, sale_id)
values (
    %(dataset)s, %(path)s, %(line_no)s, %(reason)s, %(field)s, %(raw)s, %(key)s::bigint[],
    case when %(dataset)s like 'sales\_%%' then (%(key)s::bigint[])[1] end
)
on conflict (path, line_no) do update set reason = excluded.reason, field = excluded.field;
