-- The statements of quality/deliveries.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: kept_cells
-- Cells of each delivery in Silver, by all versions that it brought, and in quarantine. A row that a retry has let in
-- is in both, and counts once.
select
    found.delivery_id,
    sum(found.cells)::bigint
from (
    select
        delivery_id,
        {cells} as cells
    from {versions}
    where delivery_id = any(%(deliveries)s)
    group by delivery_id
    union all
    select
        delivery.delivery_id,
        count(*) as cells
    from meta.delivery
    inner join meta.rejected_record as rejected on delivery.path = rejected.path
    cross join lateral json_object_keys(replace(convert_from(rejected.raw, 'UTF8'), '\u0000', '')::json -> 'cells') as cell
    where
        delivery.delivery_id = any(%(deliveries)s)
        and not exists (
            select from {versions} as version
            where
                version.delivery_id = delivery.delivery_id
                and version.row_no = (replace(convert_from(rejected.raw, 'UTF8'), '\u0000', '')::json ->> 'row')::integer
                and version.sheet = replace(convert_from(rejected.raw, 'UTF8'), '\u0000', '')::json ->> 'sheet'
        )
    group by delivery.delivery_id
) as found
group by found.delivery_id;

-- name: mark_checked
-- Note that the cells of these deliveries were all found.
update meta.delivery
set checked_at = clock_timestamp()
where delivery_id = any(%(deliveries)s);

-- name: rows_that_differ
-- How many rows of a table are not the newest ones of the deliveries that count, or are lacking.
with newest as (
    select distinct on ({key}) {columns}
    from {versions}
    inner join (select delivery_id from meta.delivery where status = 'LOADED') as counts using (delivery_id)
    order by {key}, {newest_first}
)

select count(*)
from (
    (select {columns} from newest except select {columns} from {table})
    union all
    (select {columns} from {table} except select {columns} from newest)
) as different;
