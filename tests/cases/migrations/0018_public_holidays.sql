-- name: before
insert into meta.load (run_id, layer, dataset) values ('one', 'gold', 'dim_customer');

-- name: the_log_stays
select count(*) = 1 and max(dataset) = 'dim_customer' from meta.load;

-- name: a_country_has_one_holiday_on_a_day
select array_agg(pg_get_constraintdef(oid)) = array['PRIMARY KEY (country, date_day)']
from pg_constraint
where conrelid = 'meta.holiday'::regclass and contype <> 'n';

-- name: a_holiday_has_its_country_day_and_name
select
    array_agg((column_name, data_type, is_nullable)::text order by ordinal_position)
    = array['(country,text,NO)', '(date_day,date,NO)', '(name,text,NO)']
from information_schema.columns
where table_schema = 'meta' and table_name = 'holiday';
