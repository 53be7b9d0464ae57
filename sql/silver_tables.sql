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
declare
    load bigint;
    held bigint;
begin
    if to_regclass('silver.customers_version') is null then
        create table silver.customers_version (
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
            row_checksum bigint not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (customer_id, updated_at, row_checksum)
        );
        create index customers_version_load_id on silver.customers_version using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
        lock table silver.customers in share row exclusive mode;
        update meta.bronze_file set has_versions = false where dataset = 'customers' and has_versions;
        select count(*) into held from silver.customers;
        if held > 0 then
            insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_inserted)
            values ('schema', 'silver', 'customers_version', 'SUCCESS', clock_timestamp(), held, held)
            returning load_id into load;
            insert into silver.customers_version (
                customer_id, first_name, last_name, email, phone, city, region, country, segment, signed_up_at,
                updated_at, is_deleted, row_checksum, _load_id
            )
            select
                record.customer_id, record.first_name, record.last_name, record.email, record.phone, record.city,
                record.region, record.country, record.segment, record.signed_up_at, record.updated_at,
                record.is_deleted, meta.customers_checksum(record), load
            from silver.customers as record;
        end if;
    end if;
end
$$;

comment on table silver.customers_version is 'Every version in Bronze. One row per key, version and content.';
comment on column silver.customers_version.customer_id is 'Natural key.';
comment on column silver.customers_version.first_name is 'First name.';
comment on column silver.customers_version.last_name is 'Last name.';
comment on column silver.customers_version.email is 'E-mail address.';
comment on column silver.customers_version.phone is 'Telephone number.';
comment on column silver.customers_version.city is 'City.';
comment on column silver.customers_version.region is 'Region.';
comment on column silver.customers_version.country is 'ISO 3166-1 alpha-2 code.';
comment on column silver.customers_version.segment is 'Segment.';
comment on column silver.customers_version.signed_up_at is 'When the customer signed up (UTC).';
comment on column silver.customers_version.updated_at is 'When this version came to be (UTC).';
comment on column silver.customers_version.is_deleted is 'Soft delete.';
comment on column silver.customers_version.row_checksum is 'The contract''s checksum of the record.';
comment on column silver.customers_version._load_id is 'Load of this table that first brought this version.';
comment on column silver.customers_version._loaded_at is 'When that load ran (UTC).';

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
declare
    load bigint;
    held bigint;
begin
    if to_regclass('silver.products_version') is null then
        create table silver.products_version (
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
            row_checksum bigint not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (product_id, updated_at, row_checksum)
        );
        create index products_version_load_id on silver.products_version using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
        lock table silver.products in share row exclusive mode;
        update meta.bronze_file set has_versions = false where dataset = 'products' and has_versions;
        select count(*) into held from silver.products;
        if held > 0 then
            insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_inserted)
            values ('schema', 'silver', 'products_version', 'SUCCESS', clock_timestamp(), held, held)
            returning load_id into load;
            insert into silver.products_version (
                product_id, sku, name, category, subcategory, brand, unit_price, unit_cost, currency, is_active,
                updated_at, row_checksum, _load_id
            )
            select
                record.product_id, record.sku, record.name, record.category, record.subcategory, record.brand,
                record.unit_price, record.unit_cost, record.currency, record.is_active, record.updated_at,
                meta.products_checksum(record), load
            from silver.products as record;
        end if;
    end if;
end
$$;

comment on table silver.products_version is 'Every version in Bronze. One row per key, version and content.';
comment on column silver.products_version.product_id is 'Natural key.';
comment on column silver.products_version.sku is 'Stock keeping unit.';
comment on column silver.products_version.name is 'Name.';
comment on column silver.products_version.category is 'Category.';
comment on column silver.products_version.subcategory is 'Subcategory.';
comment on column silver.products_version.brand is 'Brand.';
comment on column silver.products_version.unit_price is 'Price in force.';
comment on column silver.products_version.unit_cost is 'What the retailer pays.';
comment on column silver.products_version.currency is 'ISO 4217 code.';
comment on column silver.products_version.is_active is 'False once discontinued.';
comment on column silver.products_version.updated_at is 'When this version came to be (UTC).';
comment on column silver.products_version.row_checksum is 'The contract''s checksum of the record.';
comment on column silver.products_version._load_id is 'Load of this table that first brought this version.';
comment on column silver.products_version._loaded_at is 'When that load ran (UTC).';

do $$
begin
    if to_regclass('silver.stores') is null then
        create table silver.stores (
            store_id integer not null,
            name text not null,
            format text not null,
            city text not null,
            region text not null,
            country text not null,
            currency text not null,
            opened_at timestamptz not null,
            is_active boolean not null,
            updated_at timestamptz not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (store_id)
        );
        -- New rows arrive at the end, so a block range index finds "newer than load n" at almost no cost to the load.
        create index stores_load_id on silver.stores using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
        create index stores_updated_at on silver.stores (updated_at);
    end if;
end
$$;

comment on table silver.stores is 'One row per store, newest version by updated_at.';
comment on column silver.stores.store_id is 'Natural key.';
comment on column silver.stores.name is 'Name.';
comment on column silver.stores.format is 'Kind of store.';
comment on column silver.stores.city is 'City.';
comment on column silver.stores.region is 'Region.';
comment on column silver.stores.country is 'ISO 3166-1 alpha-2 code.';
comment on column silver.stores.currency is 'ISO 4217 code of what it sells in.';
comment on column silver.stores.opened_at is 'When it opened or will open (UTC).';
comment on column silver.stores.is_active is 'False before it opens and once it is closed.';
comment on column silver.stores.updated_at is 'When this version came to be (UTC).';
comment on column silver.stores._load_id is 'Silver load that wrote this version of the row.';
comment on column silver.stores._loaded_at is 'When that load ran (UTC).';

create or replace function meta.stores_checksum(record silver.stores)
returns bigint
language sql
stable
parallel safe
as $$
    select meta.text_checksum(concat_ws(
        e'\x1f', record.store_id, record.name, record.format, record.city, record.region, record.country,
        record.currency, meta.moment_text(record.opened_at), record.is_active::text, meta.moment_text(record.updated_at)
    ))
$$;
comment on function meta.stores_checksum is 'The contract''s checksum of a store.';

do $$
declare
    load bigint;
    held bigint;
begin
    if to_regclass('silver.stores_version') is null then
        create table silver.stores_version (
            store_id integer not null,
            name text not null,
            format text not null,
            city text not null,
            region text not null,
            country text not null,
            currency text not null,
            opened_at timestamptz not null,
            is_active boolean not null,
            updated_at timestamptz not null,
            row_checksum bigint not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (store_id, updated_at, row_checksum)
        );
        create index stores_version_load_id on silver.stores_version using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
        lock table silver.stores in share row exclusive mode;
        update meta.bronze_file set has_versions = false where dataset = 'stores' and has_versions;
        select count(*) into held from silver.stores;
        if held > 0 then
            insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_inserted)
            values ('schema', 'silver', 'stores_version', 'SUCCESS', clock_timestamp(), held, held)
            returning load_id into load;
            insert into silver.stores_version (
                store_id, name, format, city, region, country, currency, opened_at, is_active, updated_at, row_checksum,
                _load_id
            )
            select
                record.store_id, record.name, record.format, record.city, record.region, record.country,
                record.currency, record.opened_at, record.is_active, record.updated_at, meta.stores_checksum(record),
                load
            from silver.stores as record;
        end if;
    end if;
end
$$;

comment on table silver.stores_version is 'Every version in Bronze. One row per key, version and content.';
comment on column silver.stores_version.store_id is 'Natural key.';
comment on column silver.stores_version.name is 'Name.';
comment on column silver.stores_version.format is 'Kind of store.';
comment on column silver.stores_version.city is 'City.';
comment on column silver.stores_version.region is 'Region.';
comment on column silver.stores_version.country is 'ISO 3166-1 alpha-2 code.';
comment on column silver.stores_version.currency is 'ISO 4217 code of what it sells in.';
comment on column silver.stores_version.opened_at is 'When it opened or will open (UTC).';
comment on column silver.stores_version.is_active is 'False before it opens and once it is closed.';
comment on column silver.stores_version.updated_at is 'When this version came to be (UTC).';
comment on column silver.stores_version.row_checksum is 'The contract''s checksum of the record.';
comment on column silver.stores_version._load_id is 'Load of this table that first brought this version.';
comment on column silver.stores_version._loaded_at is 'When that load ran (UTC).';

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

do $$
begin
    if to_regclass('silver.top_up') is null then
        create table silver.top_up (
            top_up_id text collate "C" not null,
            member_id text not null,
            channel text not null,
            topped_up_at timestamptz not null,
            amount numeric(12, 2) not null,
            currency text not null,
            level text not null,
            period text not null,
            sheet text not null,
            row_no integer not null,
            delivery_id bigint not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (top_up_id)
        );
        -- New rows arrive at the end, so a block range index finds "newer than load n" at almost no cost to the load.
        create index top_up_load_id on silver.top_up using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
        create index top_up_delivery_id on silver.top_up (delivery_id);
    end if;
end
$$;

comment on table silver.top_up is 'Money loaded onto the cards. One row per top-up.';
comment on column silver.top_up.top_up_id is 'Natural key.';
comment on column silver.top_up.member_id is 'Number of the card: 7 digits, with leading zeros.';
comment on column silver.top_up.channel is 'Where it took place: app, store, web or partner.';
comment on column silver.top_up.topped_up_at is 'When (UTC).';
comment on column silver.top_up.amount is 'What was loaded.';
comment on column silver.top_up.currency is 'ISO 4217 code.';
comment on column silver.top_up.level is 'Level of the member at that time: basic, silver or gold.';
comment on column silver.top_up.period is 'Period of the file, as its name has it.';
comment on column silver.top_up.sheet is 'Sheet of the row.';
comment on column silver.top_up.row_no is 'Number of the row in its sheet.';
comment on column silver.top_up.delivery_id is 'File that the row came with (meta.delivery).';
comment on column silver.top_up._load_id is 'Silver load that wrote this version of the row.';
comment on column silver.top_up._loaded_at is 'When that load ran (UTC).';

create or replace function meta.top_up_checksum(record silver.top_up)
returns bigint
language sql
stable
parallel safe
as $$
    select meta.text_checksum(concat_ws(
        e'\x1f', record.top_up_id, record.member_id, record.channel, meta.moment_text(record.topped_up_at),
        record.amount::numeric(38, 2), record.currency, record.level, record.period, record.sheet, record.row_no,
        record.delivery_id
    ))
$$;
comment on function meta.top_up_checksum is 'The contract''s checksum of a top-up.';

do $$
declare
    load bigint;
    held bigint;
begin
    if to_regclass('silver.top_up_version') is null then
        create table silver.top_up_version (
            top_up_id text collate "C" not null,
            member_id text not null,
            channel text not null,
            topped_up_at timestamptz not null,
            amount numeric(12, 2) not null,
            currency text not null,
            level text not null,
            period text not null,
            sheet text not null,
            row_no integer not null,
            delivery_id bigint not null,
            row_checksum bigint not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (top_up_id, delivery_id, row_checksum)
        );
        create index top_up_version_load_id on silver.top_up_version using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
        lock table silver.top_up in share row exclusive mode;
        update meta.bronze_file set has_versions = false where dataset = 'top_up' and has_versions;
        select count(*) into held from silver.top_up;
        if held > 0 then
            insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_inserted)
            values ('schema', 'silver', 'top_up_version', 'SUCCESS', clock_timestamp(), held, held)
            returning load_id into load;
            insert into silver.top_up_version (
                top_up_id, member_id, channel, topped_up_at, amount, currency, level, period, sheet, row_no,
                delivery_id, row_checksum, _load_id
            )
            select
                record.top_up_id, record.member_id, record.channel, record.topped_up_at, record.amount, record.currency,
                record.level, record.period, record.sheet, record.row_no, record.delivery_id,
                meta.top_up_checksum(record), load
            from silver.top_up as record;
        end if;
    end if;
end
$$;

comment on table silver.top_up_version is 'Every version in Bronze. One row per key, version and content.';
comment on column silver.top_up_version.top_up_id is 'Natural key.';
comment on column silver.top_up_version.member_id is 'Number of the card: 7 digits, with leading zeros.';
comment on column silver.top_up_version.channel is 'Where it took place: app, store, web or partner.';
comment on column silver.top_up_version.topped_up_at is 'When (UTC).';
comment on column silver.top_up_version.amount is 'What was loaded.';
comment on column silver.top_up_version.currency is 'ISO 4217 code.';
comment on column silver.top_up_version.level is 'Level of the member at that time: basic, silver or gold.';
comment on column silver.top_up_version.period is 'Period of the file, as its name has it.';
comment on column silver.top_up_version.sheet is 'Sheet of the row.';
comment on column silver.top_up_version.row_no is 'Number of the row in its sheet.';
comment on column silver.top_up_version.delivery_id is 'File that the row came with (meta.delivery).';
comment on column silver.top_up_version.row_checksum is 'The contract''s checksum of the record.';
comment on column silver.top_up_version._load_id is 'Load of this table that first brought this version.';
comment on column silver.top_up_version._loaded_at is 'When that load ran (UTC).';

do $$
begin
    if to_regclass('silver.pre_deduction') is null then
        create table silver.pre_deduction (
            business_date date not null,
            channel text collate "C" not null,
            spend_count integer not null,
            gross_amount numeric(12, 2) not null,
            period text not null,
            sheet text not null,
            row_no integer not null,
            delivery_id bigint not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (business_date, channel)
        );
        -- New rows arrive at the end, so a block range index finds "newer than load n" at almost no cost to the load.
        create index pre_deduction_load_id on silver.pre_deduction using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
        create index pre_deduction_delivery_id on silver.pre_deduction (delivery_id);
    end if;
end
$$;

comment on table silver.pre_deduction is 'Money spent from the cards, before deductions. One row per day and channel.';
comment on column silver.pre_deduction.business_date is 'Day of the report.';
comment on column silver.pre_deduction.channel is 'Where it took place: app, store, web or partner.';
comment on column silver.pre_deduction.spend_count is 'Payments by card.';
comment on column silver.pre_deduction.gross_amount is 'What they came to, in euros.';
comment on column silver.pre_deduction.period is 'Period of the file, as its name has it.';
comment on column silver.pre_deduction.sheet is 'Sheet of the row.';
comment on column silver.pre_deduction.row_no is 'Number of the row in its sheet.';
comment on column silver.pre_deduction.delivery_id is 'File that the row came with (meta.delivery).';
comment on column silver.pre_deduction._load_id is 'Silver load that wrote this version of the row.';
comment on column silver.pre_deduction._loaded_at is 'When that load ran (UTC).';

create or replace function meta.pre_deduction_checksum(record silver.pre_deduction)
returns bigint
language sql
stable
parallel safe
as $$
    select meta.text_checksum(concat_ws(
        e'\x1f', record.business_date, record.channel, record.spend_count, record.gross_amount::numeric(38, 2),
        record.period, record.sheet, record.row_no, record.delivery_id
    ))
$$;
comment on function meta.pre_deduction_checksum is 'The contract''s checksum of a day of a channel.';

do $$
declare
    load bigint;
    held bigint;
begin
    if to_regclass('silver.pre_deduction_version') is null then
        create table silver.pre_deduction_version (
            business_date date not null,
            channel text collate "C" not null,
            spend_count integer not null,
            gross_amount numeric(12, 2) not null,
            period text not null,
            sheet text not null,
            row_no integer not null,
            delivery_id bigint not null,
            row_checksum bigint not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (business_date, channel, delivery_id, row_checksum)
        );
        create index pre_deduction_version_load_id on silver.pre_deduction_version using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
        lock table silver.pre_deduction in share row exclusive mode;
        update meta.bronze_file set has_versions = false where dataset = 'pre_deduction' and has_versions;
        select count(*) into held from silver.pre_deduction;
        if held > 0 then
            insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_inserted)
            values ('schema', 'silver', 'pre_deduction_version', 'SUCCESS', clock_timestamp(), held, held)
            returning load_id into load;
            insert into silver.pre_deduction_version (
                business_date, channel, spend_count, gross_amount, period, sheet, row_no, delivery_id, row_checksum,
                _load_id
            )
            select
                record.business_date, record.channel, record.spend_count, record.gross_amount, record.period,
                record.sheet, record.row_no, record.delivery_id, meta.pre_deduction_checksum(record), load
            from silver.pre_deduction as record;
        end if;
    end if;
end
$$;

comment on table silver.pre_deduction_version is 'Every version in Bronze. One row per key, version and content.';
comment on column silver.pre_deduction_version.business_date is 'Day of the report.';
comment on column silver.pre_deduction_version.channel is 'Where it took place: app, store, web or partner.';
comment on column silver.pre_deduction_version.spend_count is 'Payments by card.';
comment on column silver.pre_deduction_version.gross_amount is 'What they came to, in euros.';
comment on column silver.pre_deduction_version.period is 'Period of the file, as its name has it.';
comment on column silver.pre_deduction_version.sheet is 'Sheet of the row.';
comment on column silver.pre_deduction_version.row_no is 'Number of the row in its sheet.';
comment on column silver.pre_deduction_version.delivery_id is 'File that the row came with (meta.delivery).';
comment on column silver.pre_deduction_version.row_checksum is 'The contract''s checksum of the record.';
comment on column silver.pre_deduction_version._load_id is 'Load of this table that first brought this version.';
comment on column silver.pre_deduction_version._loaded_at is 'When that load ran (UTC).';

do $$
begin
    if to_regclass('silver.post_deduction') is null then
        create table silver.post_deduction (
            business_date date not null,
            channel text collate "C" not null,
            refund_amount numeric(12, 2) not null,
            fee_amount numeric(12, 2) not null,
            chargeback_amount numeric(12, 2) not null,
            net_amount numeric(12, 2) not null,
            period text not null,
            sheet text not null,
            row_no integer not null,
            delivery_id bigint not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (business_date, channel)
        );
        -- New rows arrive at the end, so a block range index finds "newer than load n" at almost no cost to the load.
        create index post_deduction_load_id on silver.post_deduction using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
        create index post_deduction_delivery_id on silver.post_deduction (delivery_id);
    end if;
end
$$;

comment on table silver.post_deduction is 'Money spent from the cards, after deductions. One row per day and channel.';
comment on column silver.post_deduction.business_date is 'Day of the report.';
comment on column silver.post_deduction.channel is 'Where it took place: app, store, web or partner.';
comment on column silver.post_deduction.refund_amount is 'What was given back, in euros.';
comment on column silver.post_deduction.fee_amount is 'What the payment providers kept, in euros.';
comment on column silver.post_deduction.chargeback_amount is 'What banks took back, in euros.';
comment on column silver.post_deduction.net_amount is 'What is left of the gross amount, in euros.';
comment on column silver.post_deduction.period is 'Period of the file, as its name has it.';
comment on column silver.post_deduction.sheet is 'Sheet of the row.';
comment on column silver.post_deduction.row_no is 'Number of the row in its sheet.';
comment on column silver.post_deduction.delivery_id is 'File that the row came with (meta.delivery).';
comment on column silver.post_deduction._load_id is 'Silver load that wrote this version of the row.';
comment on column silver.post_deduction._loaded_at is 'When that load ran (UTC).';

create or replace function meta.post_deduction_checksum(record silver.post_deduction)
returns bigint
language sql
stable
parallel safe
as $$
    select meta.text_checksum(concat_ws(
        e'\x1f', record.business_date, record.channel, record.refund_amount::numeric(38, 2),
        record.fee_amount::numeric(38, 2), record.chargeback_amount::numeric(38, 2), record.net_amount::numeric(38, 2),
        record.period, record.sheet, record.row_no, record.delivery_id
    ))
$$;
comment on function meta.post_deduction_checksum is 'The contract''s checksum of a day of a channel.';

do $$
declare
    load bigint;
    held bigint;
begin
    if to_regclass('silver.post_deduction_version') is null then
        create table silver.post_deduction_version (
            business_date date not null,
            channel text collate "C" not null,
            refund_amount numeric(12, 2) not null,
            fee_amount numeric(12, 2) not null,
            chargeback_amount numeric(12, 2) not null,
            net_amount numeric(12, 2) not null,
            period text not null,
            sheet text not null,
            row_no integer not null,
            delivery_id bigint not null,
            row_checksum bigint not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (business_date, channel, delivery_id, row_checksum)
        );
        create index post_deduction_version_load_id on silver.post_deduction_version using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
        lock table silver.post_deduction in share row exclusive mode;
        update meta.bronze_file set has_versions = false where dataset = 'post_deduction' and has_versions;
        select count(*) into held from silver.post_deduction;
        if held > 0 then
            insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_inserted)
            values ('schema', 'silver', 'post_deduction_version', 'SUCCESS', clock_timestamp(), held, held)
            returning load_id into load;
            insert into silver.post_deduction_version (
                business_date, channel, refund_amount, fee_amount, chargeback_amount, net_amount, period, sheet, row_no,
                delivery_id, row_checksum, _load_id
            )
            select
                record.business_date, record.channel, record.refund_amount, record.fee_amount, record.chargeback_amount,
                record.net_amount, record.period, record.sheet, record.row_no, record.delivery_id,
                meta.post_deduction_checksum(record), load
            from silver.post_deduction as record;
        end if;
    end if;
end
$$;

comment on table silver.post_deduction_version is 'Every version in Bronze. One row per key, version and content.';
comment on column silver.post_deduction_version.business_date is 'Day of the report.';
comment on column silver.post_deduction_version.channel is 'Where it took place: app, store, web or partner.';
comment on column silver.post_deduction_version.refund_amount is 'What was given back, in euros.';
comment on column silver.post_deduction_version.fee_amount is 'What the payment providers kept, in euros.';
comment on column silver.post_deduction_version.chargeback_amount is 'What banks took back, in euros.';
comment on column silver.post_deduction_version.net_amount is 'What is left of the gross amount, in euros.';
comment on column silver.post_deduction_version.period is 'Period of the file, as its name has it.';
comment on column silver.post_deduction_version.sheet is 'Sheet of the row.';
comment on column silver.post_deduction_version.row_no is 'Number of the row in its sheet.';
comment on column silver.post_deduction_version.delivery_id is 'File that the row came with (meta.delivery).';
comment on column silver.post_deduction_version.row_checksum is 'The contract''s checksum of the record.';
comment on column silver.post_deduction_version._load_id is 'Load of this table that first brought this version.';
comment on column silver.post_deduction_version._loaded_at is 'When that load ran (UTC).';

do $$
begin
    if to_regclass('silver.op_stats') is null then
        create table silver.op_stats (
            business_date date not null,
            member_id text collate "C" not null,
            level text not null,
            visits integer not null,
            purchases integer not null,
            spent_amount numeric(12, 2) not null,
            period text not null,
            sheet text not null,
            row_no integer not null,
            delivery_id bigint not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (business_date, member_id)
        );
        -- New rows arrive at the end, so a block range index finds "newer than load n" at almost no cost to the load.
        create index op_stats_load_id on silver.op_stats using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
        create index op_stats_delivery_id on silver.op_stats (delivery_id);
    end if;
end
$$;

comment on table silver.op_stats is 'What members did. One row per day and member who was active.';
comment on column silver.op_stats.business_date is 'Day of the report.';
comment on column silver.op_stats.member_id is 'Number of the card: 7 digits, with leading zeros.';
comment on column silver.op_stats.level is 'Level of the member at that time: basic, silver or gold.';
comment on column silver.op_stats.visits is 'Visits to a store, the shop or the app.';
comment on column silver.op_stats.purchases is 'Purchases paid by card.';
comment on column silver.op_stats.spent_amount is 'What was spent from the card, in euros.';
comment on column silver.op_stats.period is 'Period of the file, as its name has it.';
comment on column silver.op_stats.sheet is 'Sheet of the row.';
comment on column silver.op_stats.row_no is 'Number of the row in its sheet.';
comment on column silver.op_stats.delivery_id is 'File that the row came with (meta.delivery).';
comment on column silver.op_stats._load_id is 'Silver load that wrote this version of the row.';
comment on column silver.op_stats._loaded_at is 'When that load ran (UTC).';

create or replace function meta.op_stats_checksum(record silver.op_stats)
returns bigint
language sql
stable
parallel safe
as $$
    select meta.text_checksum(concat_ws(
        e'\x1f', record.business_date, record.member_id, record.level, record.visits, record.purchases,
        record.spent_amount::numeric(38, 2), record.period, record.sheet, record.row_no, record.delivery_id
    ))
$$;
comment on function meta.op_stats_checksum is 'The contract''s checksum of a day of a member.';

do $$
declare
    load bigint;
    held bigint;
begin
    if to_regclass('silver.op_stats_version') is null then
        create table silver.op_stats_version (
            business_date date not null,
            member_id text collate "C" not null,
            level text not null,
            visits integer not null,
            purchases integer not null,
            spent_amount numeric(12, 2) not null,
            period text not null,
            sheet text not null,
            row_no integer not null,
            delivery_id bigint not null,
            row_checksum bigint not null,
            _load_id bigint not null,
            _loaded_at timestamptz not null default now(),
            primary key (business_date, member_id, delivery_id, row_checksum)
        );
        create index op_stats_version_load_id on silver.op_stats_version using brin (_load_id)
        with (pages_per_range = 32, autosummarize = on);
        lock table silver.op_stats in share row exclusive mode;
        update meta.bronze_file set has_versions = false where dataset = 'op_stats' and has_versions;
        select count(*) into held from silver.op_stats;
        if held > 0 then
            insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_inserted)
            values ('schema', 'silver', 'op_stats_version', 'SUCCESS', clock_timestamp(), held, held)
            returning load_id into load;
            insert into silver.op_stats_version (
                business_date, member_id, level, visits, purchases, spent_amount, period, sheet, row_no, delivery_id,
                row_checksum, _load_id
            )
            select
                record.business_date, record.member_id, record.level, record.visits, record.purchases,
                record.spent_amount, record.period, record.sheet, record.row_no, record.delivery_id,
                meta.op_stats_checksum(record), load
            from silver.op_stats as record;
        end if;
    end if;
end
$$;

comment on table silver.op_stats_version is 'Every version in Bronze. One row per key, version and content.';
comment on column silver.op_stats_version.business_date is 'Day of the report.';
comment on column silver.op_stats_version.member_id is 'Number of the card: 7 digits, with leading zeros.';
comment on column silver.op_stats_version.level is 'Level of the member at that time: basic, silver or gold.';
comment on column silver.op_stats_version.visits is 'Visits to a store, the shop or the app.';
comment on column silver.op_stats_version.purchases is 'Purchases paid by card.';
comment on column silver.op_stats_version.spent_amount is 'What was spent from the card, in euros.';
comment on column silver.op_stats_version.period is 'Period of the file, as its name has it.';
comment on column silver.op_stats_version.sheet is 'Sheet of the row.';
comment on column silver.op_stats_version.row_no is 'Number of the row in its sheet.';
comment on column silver.op_stats_version.delivery_id is 'File that the row came with (meta.delivery).';
comment on column silver.op_stats_version.row_checksum is 'The contract''s checksum of the record.';
comment on column silver.op_stats_version._load_id is 'Load of this table that first brought this version.';
comment on column silver.op_stats_version._loaded_at is 'When that load ran (UTC).';
