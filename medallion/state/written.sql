-- The statements of medallion/state/written.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: written
-- What the last loads of a run have written, by layer.dataset. Bounded, so that it costs the same after years of runs:
-- the files of a task that has just ended are not in Silver yet, and its loads are among the last.
with recent as (
    select load_id, layer, dataset, rows_inserted + rows_updated as changed
    from meta.load
    where
        run_id = %(run_id)s and status = 'SUCCESS'
        and load_id > (select max(last.load_id) from meta.load as last) - 1000
)

select recent.layer || '.' || recent.dataset as name, sum(recent.changed)::bigint as changed, max(recent.load_id) as load_id
from recent
where recent.layer <> 'bronze'
group by 1
union all
select 'bronze.' || file.dataset, sum(file.records)::bigint, max(file.load_id)
from recent
inner join meta.bronze_file as file on recent.load_id = file.load_id
where recent.layer = 'bronze' and file.silver_load_id is null
group by 1;
