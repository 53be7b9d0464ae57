-- name: before
insert into meta.load (run_id, layer, dataset) values ('one', 'gold', 'dim_customer');

-- name: the_log_stays
select count(*) = 1 and max(dataset) = 'dim_customer' from meta.load;

-- name: an_anomaly_is_known_by_its_day_slice_and_direction
select count(*) = 1 from pg_indexes
where
    tablename = 'kpi_anomaly'
    and indexdef like 'CREATE UNIQUE INDEX%started_at%currency, level, member, direction)';
