-- The statements of medallion/state/repairs.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: add_repairs
-- Note that a Bronze load repairs sales.
insert into meta.sale_repair (sale_id, load_id, run_id)
select sale_id, %(load_id)s, %(run_id)s
from unnest(%(ids)s::bigint[]) as sale_id;

-- name: superseded_sales
-- Sales that a later file repairs.
select distinct sale_id
from meta.sale_repair
where load_id > %(load_id)s;

-- name: take_sales_customer
-- Remove the headers that a repair replaces, before its file is loaded. Only once, and not after a newer repair.
with taken as (
    update meta.sale_repair
    set header_load_id = %(silver_load_id)s
    where load_id = %(load_id)s and header_load_id is null
    returning sale_id
)

delete from silver.sales_customer
where sale_id in (
    select taken.sale_id
    from taken
    where not exists (
        select from meta.sale_repair as newer
        where newer.sale_id = taken.sale_id and newer.load_id > %(load_id)s and newer.header_load_id is not null
    )
);

-- name: take_sales_product
-- Remove the lines that a repair replaces.
with taken as (
    update meta.sale_repair
    set lines_load_id = %(silver_load_id)s
    where load_id = %(load_id)s and lines_load_id is null
    returning sale_id
)

delete from silver.sales_product
where sale_id in (
    select taken.sale_id
    from taken
    where not exists (
        select from meta.sale_repair as newer
        where newer.sale_id = taken.sale_id and newer.load_id > %(load_id)s and newer.lines_load_id is not null
    )
);
