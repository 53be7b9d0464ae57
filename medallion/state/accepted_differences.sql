-- The statements of medallion/state/accepted_differences.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: accepted_figures
-- The figures of these records as they were accepted.
select
    record_id, source_lines, source_net_amount, source_checksum, silver_lines, silver_net_amount, silver_checksum
from meta.accepted_difference
where entity = %(entity)s and record_id = any(%(ids)s::bigint[]);

-- name: accept_difference
-- Record a difference as accepted. Accepting it again changes nothing.
insert into meta.accepted_difference (
    entity, record_id, source_lines, source_net_amount, source_checksum, silver_lines, silver_net_amount,
    silver_checksum, run_id, note
)
values (
    %(entity)s, %(record_id)s, %(source_lines)s, %(source_net_amount)s, %(source_checksum)s, %(silver_lines)s,
    %(silver_net_amount)s, %(silver_checksum)s, %(run_id)s, %(note)s
)
on conflict on constraint accepted_difference_once do nothing;
