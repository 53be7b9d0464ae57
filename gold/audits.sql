-- The statements of gold/audits.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: last_results
-- The last results of each audit, newest first.
select
    audit.model,
    audit.name,
    result.run_id,
    result.status,
    result.failures,
    result.row_count,
    result.measured::float,
    result.seconds::float,
    (
        select build.seconds::float
        from meta.gold_result as build
        where
            build.kind = 'model' and build.model = audit.model
            and build.run_id = result.run_id and build.result_id > result.result_id
        order by build.result_id
        limit 1
    ) as build_seconds,
    result.message,
    result.recorded_at
from (
    select distinct
        model,
        name
    from meta.gold_result
    where kind = 'audit' and model = coalesce(%(model)s, model)
) as audit
cross join lateral (
    select *
    from meta.gold_result as one
    where one.kind = 'audit' and one.model = audit.model and one.name = audit.name
    order by one.result_id desc
    limit %(results)s
) as result
order by audit.model, audit.name, result.result_id desc;
