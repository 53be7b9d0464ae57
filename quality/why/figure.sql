-- The statements of quality/why/figure.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: rows_of_mart
-- The rows of a mart with these values, as texts, with the load that wrote each.
select
    (select json_object_agg(key, value) from json_each_text(to_json(one))),
    one._load_id, load.run_id, one._loaded_at
from {mart} as one
left join meta.load as load on one._load_id = load.load_id
where {condition}
order by {order};

-- name: sales_of
-- Sales with lines of these values, and their shares.
select one.sale_id, one.currency, count(*), sum(one.net_amount)
from gold.sales_item as one
where {condition}
group by one.sale_id, one.currency
order by one.sale_id, one.currency;

-- name: pending
-- Up to which load the mart has taken the fact, if the fact has a later one.
select load_id, meta.last_load_id(source_table)
from meta.gold_state
where model = %(mart)s and source_table = 'gold.sales_item' and meta.last_load_id(source_table) > load_id;

-- name: is_built
-- Whether a table of Gold is there.
select to_regclass(%(table)s) is not null;
