-- The statements of medallion/state/reconciliation.py. Each starts at a line "-- name: …" and ends at the next one.

-- name: span_to_check
-- The range of sale ids to check: from the last settled id, or from a difference that no later check covered, to the
-- last id in Silver. A file that is not loaded yet ends the range before it.
select
    case
        when %(whole)s then 0
        else least(
            coalesce((
                select max(up_to_id)
                from meta.reconciliation
                where dataset = 'sales_product' and is_settled
            ), 0),
            (select min(after_id) from meta.vw_open_differences where dataset = 'sales_product')
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
-- Count, sums and checksum of the sales in Silver within a range of ids.
with headers as (
    select count(*) as sales, coalesce(sum(meta.sales_customer_checksum(header)), 0) as checksum
    from silver.sales_customer as header
    where sale_id > %(after)s and sale_id <= %(up_to)s
),

lines as (
    select
        count(*) as lines,
        coalesce(sum(quantity * unit_price - discount), 0) as net_amount,
        coalesce(sum(meta.sales_product_checksum(line)), 0) as checksum
    from silver.sales_product as line
    where sale_id > %(after)s and sale_id <= %(up_to)s
)

select
    headers.sales,
    lines.lines,
    lines.net_amount,
    (headers.checksum + lines.checksum) %% 1152921504606846976 as checksum
from headers cross join lines;

-- name: bronze_counts
-- Headers and lines in the files that cover a range of ids.
select
    coalesce(sum(records) filter (where dataset = 'sales_customer'), 0)::bigint as sales,
    coalesce(sum(records) filter (where dataset = 'sales_product'), 0)::bigint as lines
from meta.bronze_file
where
    dataset in ('sales_customer', 'sales_product')
    and cursor_through::bigint > %(after)s and cursor_through::bigint <= %(up_to)s;

-- name: gold_totals
-- Totals of the fact, and of the rows it has taken from Silver. Silver may be ahead of the fact.
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
-- Sales for which the fact differs from what it took from Silver.
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
-- Checksums and net amount of each sale in Silver, also of a sale without a header or without lines.
with headers as (
    select sale_id, meta.sales_customer_checksum(header) as checksum
    from silver.sales_customer as header
    where sale_id > %(after)s and sale_id <= %(up_to)s
),

lines as (
    select
        sale_id,
        array_agg(meta.sales_product_checksum(line)) as checksums,
        sum(quantity * unit_price - discount) as net_amount
    from silver.sales_product as line
    where sale_id > %(after)s and sale_id <= %(up_to)s
    group by sale_id
)

select
    sale_id,
    headers.checksum,
    coalesce(lines.checksums, '{}') as lines,
    coalesce(lines.net_amount, 0) as net_amount
from headers full outer join lines using (sale_id);

-- name: in_quarantine
-- Those of the records that are in quarantine byte for byte.
select raw
from meta.rejected_record
where dataset = any(%(datasets)s) and status <> 'RESOLVED' and raw = any(%(raws)s::bytea[]);

-- name: in_open_gaps
-- Those of the sale ids that every pull asks for again.
select wanted.sale_id
from unnest(%(ids)s::bigint[]) as wanted (sale_id)
where exists (
    select from meta.gap
    where gap.entity = 'sales' and gap.status = 'OPEN' and wanted.sale_id between gap.from_id and gap.to_id
);

-- name: state_of_listing
-- State of a Silver table whose rows have versions. This and the next two statements have placeholders: {table}, its
-- {key}, and its {checksum} function.
select
    (select max(updated_at) from {table}) as newest,
    (select coalesce(max({key}), 0) from {table}) as last_id,
    (
        select count(*)
        from meta.bronze_file
        where dataset = %(dataset)s and silver_load_id is null and retired_at is null
    ) as waiting,
    (
        select max(started_at) from meta.load
        where layer = 'bronze' and dataset = %(dataset)s and status = 'SUCCESS'
    ) as pulled_at,
    (select max(updated_up_to) from meta.reconciliation where dataset = %(dataset)s and is_settled) as looked_at,
    (select min(updated_after) from meta.vw_open_differences where dataset = %(dataset)s) as open_after,
    exists (
        select from meta.vw_open_differences where dataset = %(dataset)s and updated_after is null
    ) as is_whole_open;

-- name: totals_of_listing
-- Count and checksum of the records in Silver within bounds of keys and updated_at.
select
    count(*) as records,
    coalesce(sum({checksum}(record)), 0) %% 1152921504606846976 as checksum
from {table} as record
where
    {key} > %(after)s
    and (%(up_to)s::bigint is null or {key} <= %(up_to)s::bigint)
    and (%(updated_after)s::timestamptz is null or updated_at > %(updated_after)s::timestamptz)
    and (%(updated_up_to)s::timestamptz is null or updated_at <= %(updated_up_to)s::timestamptz);

-- name: records_of_listing
-- Checksum and last change of each record within such bounds, and of those with these ids.
select
    {key},
    {checksum}(record) as checksum,
    updated_at
from {table} as record
where
    {key} = any(%(ids)s::bigint[])
    or (
        {key} > %(after)s
        and (%(up_to)s::bigint is null or {key} <= %(up_to)s::bigint)
        and (%(updated_after)s::timestamptz is null or updated_at > %(updated_after)s::timestamptz)
        and (%(updated_up_to)s::timestamptz is null or updated_at <= %(updated_up_to)s::timestamptz)
    );

-- name: cursors_before
-- Earlier cursors to try as the start of a listing: the last, the one before it, then ever larger steps back.
with stood as (
    select cursor_after, row_number() over (order by load_id desc, part desc) as number
    from meta.bronze_file
    where dataset = %(dataset)s and cursor_after is not null
)

select cursor_after
from stood
where number & (number - 1) = 0
order by number
limit 12;

-- name: add_reconciliation
-- Record what a check of one dataset has found.
insert into meta.reconciliation (
    run_id, dataset, status, difference, is_settled, after_id, up_to_id,
    source_count, bronze_count, silver_count, late_count, rejected_count, accepted_count, gold_count,
    source_net_amount, silver_net_amount, gold_net_amount, late_net_amount, accepted_net_amount,
    source_checksum, silver_checksum, updated_after, updated_up_to
)
values (
    %(run_id)s, %(dataset)s, %(status)s, %(difference)s, %(is_settled)s, %(after_id)s, %(up_to_id)s,
    %(source_count)s, %(bronze_count)s, %(silver_count)s, %(late_count)s, %(rejected_count)s, %(accepted_count)s,
    %(gold_count)s, %(source_net_amount)s, %(silver_net_amount)s, %(gold_net_amount)s, %(late_net_amount)s,
    %(accepted_net_amount)s, %(source_checksum)s, %(silver_checksum)s, %(updated_after)s, %(updated_up_to)s
);

-- name: looked_at_through
-- The last sale id that any check has covered.
select coalesce(max(up_to_id), 0)
from meta.reconciliation
where dataset = 'sales_product';

-- name: has_open_difference
-- Whether these datasets have a difference that no later check has resolved.
select exists (
    select from meta.vw_open_differences
    where dataset = any(%(datasets)s)
);

-- name: has_unchecked_changes
-- Whether records have changed since the last check of their listing.
select
    (select max(updated_at) from {table})
    > coalesce((select max(updated_up_to) from meta.reconciliation where dataset = %(dataset)s), '-infinity') as is_so;
