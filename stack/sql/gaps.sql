-- Sale ids that were passed over: those that may still come, and those that never came.
select
    count(*) filter (where status = 'OPEN') as open_ranges,
    coalesce(sum(to_id - from_id + 1) filter (where status = 'OPEN'), 0)::bigint as open_ids,
    coalesce(sum(to_id - from_id + 1) filter (where status = 'EXPIRED'), 0)::bigint as expired_ids
from meta.sales_gap;
