-- The statements of loaders/reconciliation.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: span_to_check
-- From the last id that balanced, or from a difference that no check since then has covered, to the last one that is
-- in Silver: a file not loaded yet ends the span before it.
select
    case
        when %(whole)s then 0
        else least(
            coalesce((
                select max(up_to_id)
                from meta.reconciliation
                where dataset = 'sales_product' and status in ('BALANCED', 'ACCEPTED')
            ), 0),
            (select min(after_id) from meta.vw_open_differences)
        )
    end as after_id,
    least(
        (select coalesce(cursor_value, '0')::bigint from meta.ingestion_state where entity = 'sales'),
        (
            select min(coalesce(cursor_after, '0')::bigint)
            from meta.bronze_file
            where dataset in ('sales_customer', 'sales_product') and silver_load_id is null and retired_at is null
        )
    ) as up_to_id;

-- name: silver_totals
select
    (select count(*) from silver.sales_customer where sale_id > %(after)s and sale_id <= %(up_to)s) as sales,
    count(*) as lines,
    coalesce(sum(quantity * unit_price - discount), 0) as net_amount
from silver.sales_product
where sale_id > %(after)s and sale_id <= %(up_to)s;

-- name: bronze_counts
select
    coalesce(sum(records) filter (where dataset = 'sales_customer'), 0)::bigint as sales,
    coalesce(sum(records) filter (where dataset = 'sales_product'), 0)::bigint as lines
from meta.bronze_file
where
    dataset in ('sales_customer', 'sales_product')
    and cursor_through::bigint > %(after)s and cursor_through::bigint <= %(up_to)s;

-- name: gold_totals
-- Only what the fact has taken: Silver may be ahead of it.
with taken as (
    select
        line.quantity * line.unit_price - line.discount as net_amount
    from silver.sales_product as line
    inner join silver.sales_customer as header on line.sale_id = header.sale_id
    where
        line.sale_id > %(after)s and line.sale_id <= %(up_to)s
        and line._load_id <= (select meta.taken('sales_item', 'silver.sales_product'))
        and header._load_id <= (select meta.taken('sales_item', 'silver.sales_customer'))
),

built as (
    select count(*) as lines, coalesce(sum(net_amount), 0) as net_amount
    from gold.sales_item
    where sale_id > %(after)s and sale_id <= %(up_to)s
)

select
    built.lines,
    built.net_amount,
    (select count(*) from taken) as expected_lines,
    (select coalesce(sum(net_amount), 0) from taken) as expected_net_amount
from built;

-- name: sales_that_differ_in_gold
with taken as (
    select
        line.sale_id,
        count(*) as lines,
        sum(line.quantity * line.unit_price - line.discount) as net_amount
    from silver.sales_product as line
    inner join silver.sales_customer as header on line.sale_id = header.sale_id
    where
        line.sale_id > %(after)s and line.sale_id <= %(up_to)s
        and line._load_id <= (select meta.taken('sales_item', 'silver.sales_product'))
        and header._load_id <= (select meta.taken('sales_item', 'silver.sales_customer'))
    group by line.sale_id
),

built as (
    select sale_id, count(*) as lines, sum(net_amount) as net_amount
    from gold.sales_item
    where sale_id > %(after)s and sale_id <= %(up_to)s
    group by sale_id
)

select sale_id
from taken full outer join built using (sale_id)
where (taken.lines, taken.net_amount) is distinct from (built.lines, built.net_amount)
order by sale_id;

-- name: sales_of_silver
select header.sale_id, count(line.sale_id) as lines,
    coalesce(sum(line.quantity * line.unit_price - line.discount), 0) as net_amount
from silver.sales_customer as header
left join silver.sales_product as line on header.sale_id = line.sale_id
where header.sale_id > %(after)s and header.sale_id <= %(up_to)s
group by header.sale_id;

-- name: set_aside
select dataset, raw
from meta.rejected_record
where dataset in ('sales_customer', 'sales_product') and status <> 'RESOLVED';

-- name: add_reconciliation
insert into meta.reconciliation (
    run_id, dataset, after_id, up_to_id, source_count, bronze_count, silver_count, rejected_count, gold_count,
    source_net_amount, silver_net_amount, gold_net_amount, status, difference
)
values (
    %(run_id)s, %(dataset)s, %(after_id)s, %(up_to_id)s, %(source_count)s, %(bronze_count)s, %(silver_count)s,
    %(rejected_count)s, %(gold_count)s, %(source_net_amount)s, %(silver_net_amount)s, %(gold_net_amount)s,
    %(status)s, %(difference)s
);

-- name: looked_at_through
select coalesce(max(up_to_id), 0)
from meta.reconciliation
where dataset = 'sales_product';

-- name: has_open_difference
select exists (select from meta.vw_open_differences);

-- name: was_accepted
select exists (
    select from meta.reconciliation
    where status = 'ACCEPTED' and difference = %(difference)s
);
