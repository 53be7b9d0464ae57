-- name: before
insert into meta.second_opinion (status, says, run_id) values ('given', 'x', 'one');

-- name: the_opinion_stays
select count(*) = 1 from meta.second_opinion;

-- name: an_entity_may_come_as_files
select pg_get_constraintdef(oid) like '%delivery%' from pg_constraint where conname = 'entity_ordered_by_check';

-- name: a_refused_file_has_a_reason
select count(*) = 2 from pg_constraint
where
    conrelid = 'meta.delivery'::regclass
    and (pg_get_constraintdef(oid) like '%REFUSED%reason%' or pg_get_constraintdef(oid) like '%SUPERSEDED%superseded_by%');

-- name: nothing_was_handed_over
select count(*) = 0 from meta.delivery;
