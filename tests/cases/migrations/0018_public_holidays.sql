-- name: before
insert into meta.load (run_id, layer, dataset) values ('one', 'gold', 'dim_customer');

-- name: no_holiday_is_known_yet
select count(*) = 0 from meta.holiday;
