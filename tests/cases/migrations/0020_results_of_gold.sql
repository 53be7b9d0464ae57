-- name: before
insert into meta.load (run_id, layer, dataset) values ('one', 'gold', 'dim_customer');

-- name: the_log_stays
select count(*) = 1 and max(dataset) = 'dim_customer' from meta.load;

-- name: a_result_is_of_a_known_kind_and_status
select count(*) = 2 from pg_constraint
where conrelid = 'meta.gold_result'::regclass and contype = 'c';
