-- name: before
insert into meta.load (run_id, layer, dataset) values ('one', 'silver', 'customers');

-- name: the_log_stays
select count(*) = 1 and max(dataset) = 'customers' from meta.load;

-- name: a_field_of_a_dataset_is_kept_once
select array_agg(pg_get_constraintdef(oid) order by contype)
= array['FOREIGN KEY (dataset) REFERENCES meta.dataset(dataset)', 'PRIMARY KEY (dataset, field)']
from pg_constraint
where conrelid = 'meta.new_field'::regclass and contype <> 'n';

-- name: it_has_its_type_and_the_place_where_it_was_first_seen
select
    array_agg((column_name, data_type, is_nullable)::text order by ordinal_position)
    = array[
        '(dataset,text,NO)', '(field,text,NO)', '(json_type,text,NO)',
        '(first_seen_at,"timestamp with time zone",NO)', '(path,text,NO)', '(line_no,bigint,NO)'
    ]
from information_schema.columns
where table_schema = 'meta' and table_name = 'new_field';
