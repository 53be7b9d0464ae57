-- Views of what was read: the source, the mirror and the staging layer. Their form: sql/surface_schemas.sql.

-- ---------------------------------------------------------------- operational: the source, as far as it was read

create or replace function operational.read_customers()
returns table (
    customer_id bigint, city text, region text, country text, segment text, signed_up_at timestamptz,
    updated_at timestamptz, is_deleted boolean
)
language sql
stable
parallel safe
as $$
    select
        customer_id, city, region, country, segment, signed_up_at, updated_at, is_deleted
    from silver.customers
$$;

comment on function operational.read_customers is 'The rows of operational.customers.';

create or replace view operational.customers
with (security_invoker = true) as
select *
from operational.read_customers();

comment on view operational.customers is 'Customers as the source last listed them, without columns that identify a '
'person. One row per customer.';

create or replace function operational.read_products()
returns table (
    product_id bigint, sku text, name text, category text, subcategory text, brand text, unit_price numeric,
    unit_cost numeric, currency text, is_active boolean, updated_at timestamptz
)
language sql
stable
parallel safe
as $$
    select
        product_id, sku, name, category, subcategory, brand, unit_price, unit_cost, currency, is_active,
        updated_at
    from silver.products
$$;

comment on function operational.read_products is 'The rows of operational.products.';

create or replace view operational.products
with (security_invoker = true) as
select *
from operational.read_products();

comment on view operational.products is 'Products as the source last listed them. One row per product.';

create or replace function operational.read_stores()
returns table (
    store_id integer, name text, format text, city text, region text, country text, currency text,
    opened_at timestamptz, is_active boolean, updated_at timestamptz
)
language sql
stable
parallel safe
as $$
    select
        store_id, name, format, city, region, country, currency, opened_at, is_active, updated_at
    from silver.stores
$$;

comment on function operational.read_stores is 'The rows of operational.stores.';

create or replace view operational.stores
with (security_invoker = true) as
select *
from operational.read_stores();

comment on view operational.stores is 'Stores as the source last listed them. One row per store.';

create or replace function operational.read_sales()
returns table (
    sale_id bigint, line_no integer, customer_id bigint, product_id bigint, store_id integer,
    sold_at timestamptz, channel text, payment_method text, currency text, quantity integer,
    unit_price numeric, discount numeric
)
language sql
stable
parallel safe
as $$
    select
        line.sale_id, line.line_no, header.customer_id, line.product_id, header.store_id, header.sold_at,
        header.channel, header.payment_method, header.currency, line.quantity, line.unit_price, line.discount
    from silver.sales_product as line left join silver.sales_customer as header using (sale_id)
$$;

comment on function operational.read_sales is 'The rows of operational.sales.';

create or replace view operational.sales
with (security_invoker = true) as
select *
from operational.read_sales();

comment on view operational.sales is 'Sales as far as they were read. One row per line of a sale. The source''s own '
'database is behind its API: what it counts itself is in meta.reconciliation.';

-- ---------------------------------------------------------------- mrr: what has landed

create or replace function mrr.read_dim_customers()
returns table (
    customer_id bigint, city text, region text, country text, segment text, signed_up_at timestamptz,
    updated_at timestamptz, is_deleted boolean, _load_id bigint, _loaded_at timestamptz
)
language sql
stable
parallel safe
as $$
    select
        customer_id, city, region, country, segment, signed_up_at, updated_at, is_deleted, _load_id,
        _loaded_at
    from silver.customers_version
$$;

comment on function mrr.read_dim_customers is 'The rows of mrr.mrr_dim_customers.';

create or replace view mrr.mrr_dim_customers
with (security_invoker = true) as
select *
from mrr.read_dim_customers();

comment on view mrr.mrr_dim_customers is 'Every version of a customer that has landed, without columns that identify '
'a person. One row per customer, version and content.';

create or replace function mrr.read_dim_products()
returns table (
    product_id bigint, sku text, name text, category text, subcategory text, brand text, unit_price numeric,
    unit_cost numeric, currency text, is_active boolean, updated_at timestamptz, _load_id bigint,
    _loaded_at timestamptz
)
language sql
stable
parallel safe
as $$
    select
        product_id, sku, name, category, subcategory, brand, unit_price, unit_cost, currency, is_active,
        updated_at, _load_id, _loaded_at
    from silver.products_version
$$;

comment on function mrr.read_dim_products is 'The rows of mrr.mrr_dim_products.';

create or replace view mrr.mrr_dim_products
with (security_invoker = true) as
select *
from mrr.read_dim_products();

comment on view mrr.mrr_dim_products is 'Every version of a product that has landed. One row per product, version '
'and content.';

create or replace function mrr.read_dim_stores()
returns table (
    store_id integer, name text, format text, city text, region text, country text, currency text,
    opened_at timestamptz, is_active boolean, updated_at timestamptz, _load_id bigint, _loaded_at timestamptz
)
language sql
stable
parallel safe
as $$
    select
        store_id, name, format, city, region, country, currency, opened_at, is_active, updated_at, _load_id,
        _loaded_at
    from silver.stores_version
$$;

comment on function mrr.read_dim_stores is 'The rows of mrr.mrr_dim_stores.';

create or replace view mrr.mrr_dim_stores
with (security_invoker = true) as
select *
from mrr.read_dim_stores();

comment on view mrr.mrr_dim_stores is 'Every version of a store that has landed. One row per store, version and '
'content.';

create or replace function mrr.read_fact_sales()
returns table (
    sale_id bigint, line_no integer, customer_id bigint, product_id bigint, store_id integer,
    sold_at timestamptz, channel text, payment_method text, currency text, quantity integer,
    unit_price numeric, discount numeric, _load_id bigint, _loaded_at timestamptz
)
language sql
stable
parallel safe
as $$
    select
        line.sale_id, line.line_no, header.customer_id, line.product_id, header.store_id, header.sold_at,
        header.channel, header.payment_method, header.currency, line.quantity, line.unit_price, line.discount,
        line._load_id, line._loaded_at
    from silver.sales_product as line left join silver.sales_customer as header using (sale_id)
$$;

comment on function mrr.read_fact_sales is 'The rows of mrr.mrr_fact_sales.';

create or replace view mrr.mrr_fact_sales
with (security_invoker = true) as
select *
from mrr.read_fact_sales();

comment on view mrr.mrr_fact_sales is 'Lines of sales that have landed, as they came. One row per line: a sale has '
'no versions. Bronze itself is files. Records in quarantine are in meta.rejected_record.';

-- ---------------------------------------------------------------- stg: Silver, with derived columns

create or replace function stg.read_dim_customers()
returns table (
    customer_id bigint, city text, region text, country text, segment text, signed_up_at timestamptz,
    updated_at timestamptz, is_deleted boolean, _load_id bigint, _loaded_at timestamptz
)
language sql
stable
parallel safe
as $$
    select
        customer_id, city, region, country, segment, signed_up_at, updated_at, is_deleted, _load_id,
        _loaded_at
    from silver.customers
$$;

comment on function stg.read_dim_customers is 'The rows of stg.stg_dim_customers.';

create or replace view stg.stg_dim_customers
with (security_invoker = true) as
select *
from stg.read_dim_customers();

comment on view stg.stg_dim_customers is 'silver.customers without columns that identify a person. One row per '
'customer, newest version.';

create or replace function stg.read_dim_products()
returns table (
    product_id bigint, sku text, name text, category text, subcategory text, brand text, unit_price numeric,
    unit_cost numeric, currency text, is_active boolean, updated_at timestamptz, _load_id bigint,
    _loaded_at timestamptz
)
language sql
stable
parallel safe
as $$
    select
        product_id, sku, name, category, subcategory, brand, unit_price, unit_cost, currency, is_active,
        updated_at, _load_id, _loaded_at
    from silver.products
$$;

comment on function stg.read_dim_products is 'The rows of stg.stg_dim_products.';

create or replace view stg.stg_dim_products
with (security_invoker = true) as
select *
from stg.read_dim_products();

comment on view stg.stg_dim_products is 'silver.products. One row per product, newest version.';

create or replace function stg.read_dim_stores()
returns table (
    store_id integer, name text, format text, city text, region text, country text, currency text,
    opened_at timestamptz, is_active boolean, updated_at timestamptz, _load_id bigint, _loaded_at timestamptz
)
language sql
stable
parallel safe
as $$
    select
        store_id, name, format, city, region, country, currency, opened_at, is_active, updated_at, _load_id,
        _loaded_at
    from silver.stores
$$;

comment on function stg.read_dim_stores is 'The rows of stg.stg_dim_stores.';

create or replace view stg.stg_dim_stores
with (security_invoker = true) as
select *
from stg.read_dim_stores();

comment on view stg.stg_dim_stores is 'silver.stores. One row per store, newest version.';

create or replace function stg.read_fact_sales()
returns table (
    sale_id bigint, line_no integer, customer_id bigint, product_id bigint, store_id integer,
    sold_at timestamptz, sold_date date, sold_year integer, sold_quarter integer, sold_month integer,
    sold_day integer, sold_weekday integer, sold_hour integer, channel text, payment_method text,
    currency text, quantity integer, unit_price numeric, gross_amount numeric, discount_amount numeric,
    net_amount numeric, is_return boolean, _load_id bigint, _loaded_at timestamptz
)
language sql
stable
parallel safe
as $$
    select
        line.sale_id, line.line_no, header.customer_id, line.product_id, header.store_id, header.sold_at,
        moment.utc::date, extract(year from moment.utc)::integer, extract(quarter from moment.utc)::integer,
        extract(month from moment.utc)::integer, extract(day from moment.utc)::integer,
        extract(isodow from moment.utc)::integer, extract(hour from moment.utc)::integer, header.channel,
        header.payment_method, header.currency, line.quantity, line.unit_price,
        (line.quantity * line.unit_price)::numeric, line.discount,
        (line.quantity * line.unit_price - line.discount)::numeric, line.quantity < 0, line._load_id,
        line._loaded_at
    from silver.sales_product as line left join silver.sales_customer as header using (sale_id)
    cross join lateral (select header.sold_at at time zone 'UTC' as utc) as moment
$$;

comment on function stg.read_fact_sales is 'The rows of stg.stg_fact_sales.';

create or replace view stg.stg_fact_sales
with (security_invoker = true) as
select *
from stg.read_fact_sales();

comment on view stg.stg_fact_sales is 'Lines of silver.sales_product with their headers, amounts and parts of the '
'date (UTC; Monday is weekday 1). One row per line; a line whose header has not arrived has nulls.';
