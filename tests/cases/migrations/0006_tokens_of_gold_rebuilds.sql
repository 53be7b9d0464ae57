-- name: before
insert into meta.gold_rebuild default values;

-- name: the_wish_stays_and_has_a_token
select count(*) = 1 and bool_and(token is not null and core_token is null) from meta.gold_rebuild;
