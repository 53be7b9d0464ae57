-- The statements of gold/results.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: keep_results
-- Record results. The rows of a model are those that its load has written.
insert into meta.gold_result (run_id, step, kind, name, model, status, failures, seconds, message, row_count)
select
    %(run_id)s,
    %(step)s,
    found.kind,
    found.name,
    found.model,
    found.status,
    found.failures,
    found.seconds,
    found.message,
    (
        select built.rows_read
        from meta.load as built
        where
            found.kind = 'model' and found.status = 'PASS'
            and built.run_id = %(run_id)s and built.layer = 'gold' and built.dataset = found.name
        order by built.load_id desc
        limit 1
    ) as row_count
from unnest(
    %(kind)s::text [], %(name)s::text [], %(model)s::text [], %(status)s::text [], %(failures)s::bigint [],
    %(seconds)s::numeric [], %(message)s::text []
) as found (kind, name, model, status, failures, seconds, message);

-- name: remove_old_results
-- Remove results that are older than so many days, as many at most as ten runs bring.
delete from meta.gold_result
where result_id in (
    select result_id
    from meta.gold_result
    where recorded_at < clock_timestamp() - make_interval(secs => %(days)s * 86400)
    order by recorded_at
    limit 2000
);
