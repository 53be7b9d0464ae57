-- The change log of the sales fact: which grouping a line had before a build moved it. Marts of any grain read it, each
-- in its own range of loads. Before, two columns of the fact said so, for one mart. What they still say to that mart
-- and to the tests goes into the log, in the transaction that drops them.

create table gold.sales_item_change (
    _load_id bigint not null,
    sales_item_id text not null,
    sale_id bigint not null,
    customer_key uuid not null,
    product_key uuid not null,
    customer_id bigint not null,
    product_id bigint not null,
    sold_at timestamptz not null,
    sold_date date not null,
    store_id integer not null,
    channel text not null,
    payment_method text not null,
    currency text not null,
    is_return boolean not null,
    primary key (_load_id, sales_item_id)
);

comment on table gold.sales_item_change is 'Where a line of sales_item stood before a load moved it. One row per load '
'and line whose grouping that load changed. Written in the build of sales_item, read by marts and tests in the range '
'of loads that each has not taken, removed once all of them have.';
comment on column gold.sales_item_change._load_id is 'Gold load that moved the line. The other columns say where from.';

-- `_prior_*` name where the mart last counted a line: what it needs however often the line has moved since. Of columns
-- that no mart read, the log gets the present value. A line whose old customer is in no dimension was in no mart.
do $$
begin
    if not exists (
        select from pg_attribute
        where
            attrelid = to_regclass('gold.sales_item') and attname = '_prior_customer_key' and not attisdropped
    ) then
        return;
    end if;
    if not (select pg_has_role(relowner, 'USAGE') from pg_class where oid = to_regclass('gold.sales_item')) then
        raise exception '% may not change gold.sales_item: grant it the role of that table', current_user;
    end if;
    lock table gold.sales_item in access exclusive mode;
    if to_regclass('gold.dim_customer') is not null then
        insert into gold.sales_item_change (
            _load_id, sales_item_id, sale_id, customer_key, product_key, customer_id, product_id,
            sold_at, sold_date, store_id, channel, payment_method, currency, is_return
        )
        select
            item._load_id, item.sales_item_id, item.sale_id, was.customer_key, item.product_key, was.customer_id,
            item.product_id, item.sold_at, item._prior_sold_date, item.store_id, item.channel, item.payment_method,
            item.currency, item.is_return
        from gold.sales_item as item
        inner join gold.dim_customer as was on item._prior_customer_key = was.customer_key
        where
            item._load_id > (
                select min(load_id) from meta.gold_state where source_table = 'gold.sales_item' and load_id > 0
            )
        on conflict do nothing;
    end if;
    alter table gold.sales_item drop column _prior_customer_key, drop column _prior_sold_date;
end
$$;
