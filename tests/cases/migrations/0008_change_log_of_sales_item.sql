-- name: before
-- Gold of before, as far as it matters: the mart has taken load 2, the tests load 3. Line 3-1 moved before both, line
-- 4-1 after the mart, line 5-1 after the mart and from a customer that no dimension holds.
create table gold.dim_customer (customer_key uuid, customer_id bigint);
insert into gold.dim_customer values ('00000000-0000-0000-0000-00000000000a', 1);
create table gold.sales_item (
    sales_item_id text, sale_id bigint, product_key uuid, product_id bigint, sold_at timestamptz, store_id integer,
    channel text, payment_method text, currency text, is_return boolean, net_amount numeric, _load_id bigint,
    _prior_customer_key uuid, _prior_sold_date date
);
insert into gold.sales_item
select
    sale_id || '-1', sale_id, '00000000-0000-0000-0000-00000000000b', 7, '2026-11-06T12:00:00Z', 1, 'web', 'card',
    'EUR', false, sale_id, load_id, prior_key::uuid, prior_date::date
from (
    values
    (1, 1, null, null),
    (2, 4, null, null),
    (3, 2, '00000000-0000-0000-0000-00000000000a', '2026-11-03'),
    (4, 4, '00000000-0000-0000-0000-00000000000a', '2026-11-04'),
    (5, 4, '00000000-0000-0000-0000-00000000000f', '2026-11-05')
) as line (sale_id, load_id, prior_key, prior_date);
delete from meta.gold_state where source_table = 'gold.sales_item';
insert into meta.gold_state (model, source_table, load_id)
values ('mart_sales_by_customer', 'gold.sales_item', 2), ('dbt_test', 'gold.sales_item', 3);

-- name: what_the_mart_has_not_taken_is_in_the_log
select
    array_agg((_load_id, sales_item_id, customer_key, customer_id, sold_date)::text)
    = array['(4,4-1,00000000-0000-0000-0000-00000000000a,1,2026-11-04)']
from gold.sales_item_change;

-- name: every_line_stays
select sum(net_amount) = 15 from gold.sales_item;

-- name: the_fact_says_only_where_its_lines_are
select count(*) = 0
from pg_attribute
where attrelid = 'gold.sales_item'::regclass and attname like '\_prior%' and not attisdropped;
