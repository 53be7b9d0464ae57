-- name: before
insert into meta.load (run_id, layer, dataset, status, ended_at) values ('old', 'bronze', 'sales', 'SUCCESS', now());
insert into meta.bronze_file (path, dataset, load_id, part, records, bytes, sha256, cursor_through)
values
('lines', 'sales_product', 1, 0, 5, 50, repeat('0', 64), '17'),
('people', 'customers', 1, 0, 1, 50, repeat('0', 64), '17');
insert into meta.rejected_record (dataset, path, line_no, reason, raw)
values
('sales_product', 'lines', 1, 'old', '{"sale_id":17,"line_no":2}'),
('sales_product', 'lines', 2, 'old', '{"sale_id":17,"line_no":"x"}'),
('sales_product', 'lines', 3, 'old', '{'),
('sales_product', 'lines', 4, 'old', '\xff'),
('sales_product', 'lines', 5, 'old', convert_to('{"sale_id":18,"line_no":1,"note":"\u0000"}', 'UTF8')),
('customers', 'people', 1, 'old', '{"customer_id":9}');

-- name: records_stay_byte_for_byte
select
    string_agg(encode(raw, 'escape'), '|' order by rejected_record_id)
    = '{"sale_id":17,"line_no":2}|{"sale_id":17,"line_no":"x"}|{|\377|{"sale_id":18,"line_no":1,"note":"\\u0000"}|{"customer_id":9}'
from meta.rejected_record;

-- name: keys_are_read_as_far_as_they_can_be
select
    array_agg((record_key, sale_id)::text order by rejected_record_id)
    = array['("{17,2}",17)', '("{17,NULL}",17)', '(,)', '(,)', '("{18,1}",18)', '({9},)']
from meta.rejected_record;

-- name: nothing_was_let_in
select bool_and(accepted_at is null and status = 'OPEN') from meta.rejected_record;
