-- The statement of dashboards/checking/check.py.

-- name: marts_behind
-- Marts that have not read what the fact already shows, as between two steps of a run.
with fact as (
    select max(load_id) as load_id
    from meta.load
    where
        layer = 'gold' and dataset = 'sales_item' and status = 'SUCCESS' and rows_inserted + rows_updated > 0
)

select count(*)
from meta.gold_state as state
inner join fact on state.load_id < fact.load_id
where state.source_table = 'gold.sales_item' and starts_with(state.model, 'mart_');
