-- name: before
insert into meta.load (run_id, layer, dataset) values ('one', 'gold', 'dim_customer');

-- name: a_build_is_recorded_with_its_load
insert into meta.nightly_build (model, business_date, load_id)
select
    dataset,
    date '2026-11-05' as business_date,
    load_id
from meta.load
returning model = 'dim_customer' and business_date = date '2026-11-05';

-- name: a_model_has_one_build_of_a_load_in_the_log
select
    array_agg(pg_get_constraintdef(oid) order by contype)
    = array['FOREIGN KEY (load_id) REFERENCES meta.load(load_id)', 'PRIMARY KEY (model)']
from pg_constraint
where conrelid = 'meta.nightly_build'::regclass and contype <> 'n';

-- name: a_build_has_its_date_and_its_load
select
    array_agg((column_name, data_type, is_nullable)::text order by ordinal_position)
    = array['(model,text,NO)', '(business_date,date,NO)', '(load_id,bigint,NO)']
from information_schema.columns
where table_schema = 'meta' and table_name = 'nightly_build';
