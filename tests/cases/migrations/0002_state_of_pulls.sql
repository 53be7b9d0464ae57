-- name: before
alter table meta.sales_gap drop constraint sales_gap_status_check;
alter table meta.sales_gap add constraint sales_gap_status_check check (status in ('OPEN', 'FILLED', 'EXPIRED'));
insert into meta.sales_gap (from_id, to_id, status) values (3, 5, 'OPEN'), (8, 8, 'FILLED'), (11, 12, 'EXPIRED');

-- name: gaps_stay_and_are_holes
select
    array_agg((from_id, to_id, status)::text order by from_id) = '{"(3,5,OPEN)","(8,8,FILLED)","(11,12,EXPIRED)"}'
    and bool_and(known = 0 and known_ids is null)
from meta.sales_gap;

-- name: a_sale_can_be_withdrawn
select pg_get_constraintdef(oid) like '%WITHDRAWN%' from pg_constraint where conname = 'sales_gap_status_check';
