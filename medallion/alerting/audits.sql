-- The statements of medallion/alerting/audits.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: audits_of_run
-- The last result of each audit in a run, and of each that has an incident, in whatever build: its name in incidents,
-- what it found if it warns, and whether it has an incident. One that looked at no row has found out nothing, as in a step
-- that is tried again after its rows were built.
with result as (
    select distinct on (model, name)
        run_id,
        status,
        format('audit_%%s_%%s', model, name) as task_id,
        case when status = 'WARN' then format('audit %%s of %%s: %%s', name, model, message) end as words
    from meta.gold_result
    where
        kind = 'audit' and status in ('PASS', 'WARN') and row_count > 0
        and (
            run_id = %(run_id)s
            or format('audit_%%s_%%s', model, name) in (
                select task_id from meta.incident where dag_id = %(dag_id)s and status = 'OPEN'
            )
        )
    order by model, name, result_id desc
)

select
    task_id,
    words,
    exists (
        select from meta.incident as open_one
        where open_one.dag_id = %(dag_id)s and open_one.task_id = result.task_id and open_one.status = 'OPEN'
    ) as is_open
from result
where run_id = %(run_id)s or status = 'PASS';
