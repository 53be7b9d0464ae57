-- name: before
-- Verdicts of before, the first of which claims to balance and does not.
insert into meta.reconciliation (
    run_id, dataset, after_id, up_to_id, source_count, bronze_count, silver_count, rejected_count, status, difference
)
values
('a', 'sales_product', 0, 4, 4, 3, 3, 0, 'BALANCED', null),
('b', 'sales_product', 4, 6, 2, 2, 1, 0, 'ACCEPTED', 'words'),
('c', 'sales_product', 6, 9, 3, 3, 2, 0, 'LATE', 'words'),
('d', 'sales_product', 6, 9, 3, 3, 2, 0, 'DIFFERENT', 'words');

-- name: verdicts_stay
select string_agg(run_id || status || source_count || silver_count, ' ' order by run_id)
    = 'aBALANCED43 bACCEPTED21 cLATE32 dDIFFERENT32'
from meta.reconciliation;

-- name: what_was_settled_stays_settled
select array_agg(is_settled order by run_id) = '{t,t,f,f}' from meta.reconciliation;

-- name: nothing_was_late_or_accepted_by_count
select bool_and(late_count = 0 and accepted_count = 0 and late_net_amount = 0) from meta.reconciliation;
