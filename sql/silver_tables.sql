-- Tables of Silver and checksums of their rows.
-- Written by `python -m medallion.entities` from medallion/entities: change it there.

do $$
begin
    if to_regclass('silver.customers') is null then
        create table silver.customers (
            customer_id bigint not null,
            first_name text not null,
            last_name text not null,
            email text not null,
            phone text not null,
            city text not null,
            region text not null,
            country text not null,
            segment text not null,
            signed_up_at timestamptz not null,
            updated_at timestamptz not null,
            is_deleted boolean not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (customer_id)
        );
        -- New rows arrive at the end, so a block range index finds "newer than load n" at almost no cost to the load.
        create index customers_load_id on silver.customers using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
        create index customers_updated_at on silver.customers (updated_at);
    end if;
end
$$;

comment on table silver.customers is 'One row per customer, newest version by updated_at.';
comment on column silver.customers.customer_id is 'Natural key.';
comment on column silver.customers.first_name is 'First name.';
comment on column silver.customers.last_name is 'Last name.';
comment on column silver.customers.email is 'E-mail address.';
comment on column silver.customers.phone is 'Telephone number.';
comment on column silver.customers.city is 'City.';
comment on column silver.customers.region is 'Region.';
comment on column silver.customers.country is 'ISO 3166-1 alpha-2 code.';
comment on column silver.customers.segment is 'Segment.';
comment on column silver.customers.signed_up_at is 'When the customer signed up (UTC).';
comment on column silver.customers.updated_at is 'When this version came to be (UTC).';
comment on column silver.customers.is_deleted is 'Soft delete.';
comment on column silver.customers._load_id is 'Silver load that wrote this version of the row.';
comment on column silver.customers._loaded_at is 'When that load ran (UTC).';

create or replace function meta.customers_checksum(record silver.customers)
returns bigint
language sql
stable
parallel safe
as $$
    select meta.text_checksum(concat_ws(
        e'\x1f', record.customer_id, record.first_name, record.last_name, record.email, record.phone, record.city,
        record.region, record.country, record.segment, meta.moment_text(record.signed_up_at),
        meta.moment_text(record.updated_at), record.is_deleted::text
    ))
$$;
comment on function meta.customers_checksum is 'The contract''s checksum of a customer.';

do $$
begin
    if to_regclass('silver.products') is null then
        create table silver.products (
            product_id bigint not null,
            sku text not null,
            name text not null,
            category text not null,
            subcategory text not null,
            brand text not null,
            unit_price numeric(12, 2) not null,
            unit_cost numeric(12, 2) not null,
            currency text not null,
            is_active boolean not null,
            updated_at timestamptz not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (product_id)
        );
        -- New rows arrive at the end, so a block range index finds "newer than load n" at almost no cost to the load.
        create index products_load_id on silver.products using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
        create index products_updated_at on silver.products (updated_at);
    end if;
end
$$;

comment on table silver.products is 'One row per product, newest version by updated_at.';
comment on column silver.products.product_id is 'Natural key.';
comment on column silver.products.sku is 'Stock keeping unit.';
comment on column silver.products.name is 'Name.';
comment on column silver.products.category is 'Category.';
comment on column silver.products.subcategory is 'Subcategory.';
comment on column silver.products.brand is 'Brand.';
comment on column silver.products.unit_price is 'Price in force.';
comment on column silver.products.unit_cost is 'What the retailer pays.';
comment on column silver.products.currency is 'ISO 4217 code.';
comment on column silver.products.is_active is 'False once discontinued.';
comment on column silver.products.updated_at is 'When this version came to be (UTC).';
comment on column silver.products._load_id is 'Silver load that wrote this version of the row.';
comment on column silver.products._loaded_at is 'When that load ran (UTC).';

create or replace function meta.products_checksum(record silver.products)
returns bigint
language sql
stable
parallel safe
as $$
    select meta.text_checksum(concat_ws(
        e'\x1f', record.product_id, record.sku, record.name, record.category, record.subcategory, record.brand,
        record.unit_price::numeric(38, 2), record.unit_cost::numeric(38, 2), record.currency, record.is_active::text,
        meta.moment_text(record.updated_at)
    ))
$$;
comment on function meta.products_checksum is 'The contract''s checksum of a product.';

do $$
begin
    if to_regclass('silver.sales_customer') is null then
        create table silver.sales_customer (
            sale_id bigint not null,
            customer_id bigint not null,
            store_id integer not null,
            sold_at timestamptz not null,
            channel text not null,
            payment_method text not null,
            currency text not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (sale_id)
        );
        -- New rows arrive at the end, so a block range index finds "newer than load n" at almost no cost to the load.
        create index sales_customer_load_id on silver.sales_customer using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
    end if;
end
$$;

comment on table silver.sales_customer is 'Sale headers. One row per sale.';
comment on column silver.sales_customer.sale_id is 'Natural key.';
comment on column silver.sales_customer.customer_id is 'Who bought.';
comment on column silver.sales_customer.store_id is 'Store.';
comment on column silver.sales_customer.sold_at is 'When (UTC).';
comment on column silver.sales_customer.channel is 'Where it was sold.';
comment on column silver.sales_customer.payment_method is 'How it was paid.';
comment on column silver.sales_customer.currency is 'ISO 4217 code.';
comment on column silver.sales_customer._load_id is 'Silver load that wrote this version of the row.';
comment on column silver.sales_customer._loaded_at is 'When that load ran (UTC).';

create or replace function meta.sales_customer_checksum(record silver.sales_customer)
returns bigint
language sql
stable
parallel safe
as $$
    select meta.text_checksum(concat_ws(
        e'\x1f', record.sale_id, record.customer_id, record.store_id, meta.moment_text(record.sold_at), record.channel,
        record.payment_method, record.currency
    ))
$$;
comment on function meta.sales_customer_checksum is 'The contract''s checksum of a header.';

do $$
begin
    if to_regclass('silver.sales_product') is null then
        create table silver.sales_product (
            sale_id bigint not null,
            line_no integer not null,
            product_id bigint not null,
            quantity integer not null,
            unit_price numeric(12, 2) not null,
            discount numeric(12, 2) not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (sale_id, line_no)
        );
        -- New rows arrive at the end, so a block range index finds "newer than load n" at almost no cost to the load.
        create index sales_product_load_id on silver.sales_product using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
    end if;
end
$$;

comment on table silver.sales_product is 'Sale lines. One row per sale_id and line_no.';
comment on column silver.sales_product.sale_id is 'Sale.';
comment on column silver.sales_product.line_no is 'Number of the line within its sale.';
comment on column silver.sales_product.product_id is 'What was sold.';
comment on column silver.sales_product.quantity is 'Pieces; negative on a return.';
comment on column silver.sales_product.unit_price is 'Price in force when sold.';
comment on column silver.sales_product.discount is 'Off the line.';
comment on column silver.sales_product._load_id is 'Silver load that wrote this version of the row.';
comment on column silver.sales_product._loaded_at is 'When that load ran (UTC).';

create or replace function meta.sales_product_checksum(record silver.sales_product)
returns bigint
language sql
stable
parallel safe
as $$
    select meta.text_checksum(concat_ws(
        e'\x1f', record.sale_id, record.line_no, record.product_id, record.quantity, record.unit_price::numeric(38, 2),
        record.discount::numeric(38, 2)
    ))
$$;
comment on function meta.sales_product_checksum is 'The contract''s checksum of a line.';
