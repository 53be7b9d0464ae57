-- name: before
insert into meta.load (run_id, layer, dataset) values ('one', 'gold', 'dim_customer');

-- name: no_nightly_table_counts_as_built
select count(*) = 0 from meta.nightly_build;
