-- Functions and procedures for analysts. Figures are those of dbt/models/metrics.yml, money is summed per currency, and
-- no clock is asked. They work with the rights of the session.

set local check_function_bodies = on; -- off since surface_schemas.sql

-- ---------------------------------------------------------------- what an argument must be

create or replace function dwh.require_period(first_day date, last_day date)
returns void
language plpgsql
stable
as $$
begin
    if first_day is null or last_day is null or first_day > last_day then
        raise exception 'first_day is %, last_day is %: neither may be null, and the first day may not be after the '
            'last', coalesce(first_day::text, 'null'), coalesce(last_day::text, 'null')
        using
            errcode = 'invalid_parameter_value',
            hint = 'Pass two dates, such as ''2025-01-01'' and ''2025-01-31''.';
    end if;
end
$$;

comment on function dwh.require_period is 'Raises an error for a period without a first or last day, or that ends '
'before it begins.';

-- ---------------------------------------------------------------- functions

create or replace function dwh.fn_avg_quantity_per_customer(customer bigint)
returns numeric
language plpgsql
stable
as $$
begin
    if customer is null then
        raise exception 'customer is null' using
            errcode = 'invalid_parameter_value', hint = 'Pass a customer_id of dwh_dim_customers.';
    end if;
    perform dwh.require_table('gold.mart_sales_by_customer');
    if not exists (select from gold.dim_customer where customer_id = customer) then
        raise exception 'customer % is not in gold.dim_customer', customer using
            errcode = 'invalid_parameter_value', hint = 'Pass a customer_id of dwh_dim_customers.';
    end if;
    return (
        select round(sum(mart.quantity + mart.returned_quantity)::numeric / nullif(sum(mart.sale_count), 0), 6)
        from gold.mart_sales_by_customer as mart
        where mart.customer_key = (
            select member.customer_key from gold.dim_customer as member where member.customer_id = customer
        )
    );
end
$$;

comment on function dwh.fn_avg_quantity_per_customer is 'Units before returns per order of a customer (items_per_order '
'of dbt/models/metrics.yml), rounded to 6 decimals; null: no order yet. Raises an error for an unknown customer.';

create or replace function dwh.fn_product_sales_velocity(product bigint, days integer, up_to date default null)
returns numeric
language plpgsql
stable
as $$
declare
    last_day date := up_to;
begin
    if product is null or days is null or days not between 1 and 36525 then
        raise exception 'product is %, days is %: neither may be null, and days is from 1 to 36525',
            coalesce(product::text, 'null'), coalesce(days::text, 'null')
        using errcode = 'invalid_parameter_value', hint = 'Example: select fn_product_sales_velocity(10, 30)';
    end if;
    perform dwh.require_table('gold.mart_sales_by_product');
    if not exists (select from gold.dim_product where product_id = product) then
        raise exception 'product % is not in gold.dim_product', product using
            errcode = 'invalid_parameter_value', hint = 'Pass a product_id of dwh_dim_products.';
    end if;
    if last_day is null then
        select max(business_date) into last_day from meta.nightly_build;
    end if;
    if last_day is null or not isfinite(last_day) then
        raise exception 'no last day: up_to is %', coalesce(up_to::text, 'null, and no nightly table has been built')
        using errcode = 'invalid_parameter_value', hint = 'Pass a date as up_to, or build them: ./retail nightly';
    end if;
    return (
        select round(coalesce(sum(mart.quantity), 0)::numeric / days, 6)
        from gold.mart_sales_by_product as mart
        where
            mart.sold_date between last_day - days + 1 and last_day
            and mart.product_key = (
                select member.product_key from gold.dim_product as member where member.product_id = product
            )
    );
end
$$;

comment on function dwh.fn_product_sales_velocity is 'Units sold less units returned per day of a product, over so '
'many days that end with up_to, rounded to 6 decimals. Without up_to: the last business date of the nightly tables. '
'Raises an error for an unknown product.';

create or replace function dwh.fn_top_customers(top integer, in_currency text default null)
returns table (
    currency text, customer_rank bigint, customer_id bigint, city text, country text, segment text, sale_count bigint,
    quantity bigint, net_amount numeric
)
language plpgsql
stable
as $$
begin
    if top is null or top < 1 then
        raise exception 'top is %: it must be 1 or more', coalesce(top::text, 'null') using
            errcode = 'invalid_parameter_value', hint = 'Example: select * from fn_top_customers(10)';
    end if;
    perform dwh.require_table('gold.mart_sales_by_customer');
    return query
    with customer as (
        select
            mart.currency,
            mart.customer_key,
            sum(mart.sale_count)::bigint as sale_count,
            sum(mart.quantity)::bigint as quantity,
            sum(mart.net_amount) as net_amount
        from gold.mart_sales_by_customer as mart
        where in_currency is null or mart.currency = in_currency
        group by mart.currency, mart.customer_key
    ),
    ranked as (
        select
            customer.*,
            member.customer_id,
            member.city,
            member.country,
            member.segment,
            row_number() over (
                partition by customer.currency order by customer.net_amount desc, member.customer_id
            ) as customer_rank
        from customer
        inner join gold.dim_customer as member on member.customer_key = customer.customer_key
    )
    select
        ranked.currency, ranked.customer_rank, ranked.customer_id, ranked.city, ranked.country, ranked.segment,
        ranked.sale_count, ranked.quantity, ranked.net_amount
    from ranked
    where ranked.customer_rank <= top
    order by ranked.currency, ranked.customer_rank;
    if not found and in_currency is not null then
        raise exception 'nothing was sold in the currency "%"', in_currency using
            errcode = 'invalid_parameter_value',
            hint = coalesce(format('There are: %s.', (
                select nullif(string_agg(distinct mart.currency, ', '), '') from gold.mart_sales_by_customer as mart
            )), 'Nothing was sold.');
    end if;
end
$$;

comment on function dwh.fn_top_customers is 'The customers with the highest net revenue: so many of each currency, or '
'of one. One row per currency and rank; of equal customers the smaller id comes first.';

create or replace function dwh.fn_product_group_performance(product_group text, first_day date, last_day date)
returns table (
    category text, currency text, product_count bigint, sale_count bigint, return_count bigint, quantity bigint,
    returned_quantity bigint, gross_amount numeric, discount_amount numeric, net_amount numeric, margin_amount numeric
)
language plpgsql
stable
as $$
begin
    perform dwh.require_period(first_day, last_day);
    if product_group is null then
        raise exception 'product_group is null' using
            errcode = 'invalid_parameter_value', hint = 'Pass a category of dwh_dim_products.';
    end if;
    perform dwh.require_table('gold.sales_item');
    if not exists (select from gold.dim_product_history as version where version.category = product_group) then
        raise exception 'no product has ever been in the group %', quote_literal(product_group) using
            errcode = 'invalid_parameter_value',
            hint = format('There are: %s.', (
                select string_agg(distinct version.category, ', ') from gold.dim_product_history as version
            ));
    end if;
    return query
    select
        product_group,
        item.currency,
        count(distinct item.product_key),
        count(distinct case when not item.is_return then item.sale_id end),
        count(distinct case when item.is_return then item.sale_id end),
        sum(item.quantity)::bigint,
        coalesce(sum(case when item.is_return then -item.quantity::bigint end), 0)::bigint,
        sum(item.gross_amount),
        sum(item.discount_amount),
        sum(item.net_amount),
        coalesce(sum(item.net_amount - item.cost_amount), 0)
    from gold.sales_item as item
    inner join gold.dim_product_history as version on version.product_version_key = item.product_version_key
    where item.sold_date between first_day and last_day and version.category = product_group
    group by item.currency
    order by item.currency;
end
$$;

comment on function dwh.fn_product_group_performance is 'Figures of a category in a period, both days included, by the '
'category that a product had when it was sold. One row per currency in which it was sold. Raises an error for a '
'category that no product has ever had.';

-- ---------------------------------------------------------------- procedures of retail_analyst

create or replace function dwh.require_analyst(procedure_name text, may_write boolean)
returns void
language plpgsql
stable
as $$
begin
    if current_setting('transaction_read_only')::boolean or not may_write then
        raise exception '% makes a table, which a session of % may not', procedure_name, current_user using
            errcode = 'insufficient_privilege', hint = 'Log in as retail_analyst: ./retail psql --as analyst';
    end if;
end
$$;

comment on function dwh.require_analyst is 'Raises an error that names the role to use, where the session may not make '
'a table.';

-- A table of the session: two analysts do not meet, and it is gone with the session.
create or replace procedure dwh.sp_aggregate_sales_report(first_day date, last_day date)
language plpgsql
as $$
begin
    perform dwh.require_analyst(
        'sp_aggregate_sales_report', has_database_privilege(current_database(), 'temporary')
    );
    perform dwh.require_period(first_day, last_day);
    perform dwh.require_table('gold.mart_daily_kpis');
    if to_regclass('pg_temp.temp_sales_report') is not null then
        drop table pg_temp.temp_sales_report;
    end if;
    create temporary table temp_sales_report as
    select
        mart.sold_date, mart.currency, mart.sale_count, mart.return_count, mart.customer_count, mart.quantity,
        mart.gross_amount, mart.discount_amount, mart.net_amount, mart.average_order_value
    from gold.mart_daily_kpis as mart
    where mart.sold_date between first_day and last_day
    order by mart.sold_date, mart.currency;
end
$$;

comment on procedure dwh.sp_aggregate_sales_report is 'Makes the temporary table temp_sales_report of a period, both '
'days included: one row per day and currency with sales. For retail_analyst.';

-- Rows are deleted and written again in one transaction: readers see the old ones or the new ones. Someone else's table
-- is not written to, as its triggers would run with the rights of this session.
create or replace procedure dwh.sp_refresh_customer_metrics()
language plpgsql
as $$
declare
    metrics_owner text;
begin
    perform dwh.require_analyst('sp_refresh_customer_metrics', has_schema_privilege('analyst', 'create'));
    perform dwh.require_table('gold.mart_sales_by_customer');
    begin
        create table analyst.customer_metrics (
            customer_id bigint not null,
            currency text not null,
            city text not null,
            country text not null,
            segment text not null,
            first_sale_date date,
            last_sale_date date,
            sale_count bigint not null,
            return_count bigint not null,
            quantity bigint not null,
            net_amount numeric not null,
            margin_amount numeric not null,
            average_order_value numeric,
            primary key (customer_id, currency)
        );
        if to_regrole('retail_reader') is not null then
            grant select on analyst.customer_metrics to retail_reader;
        end if;
    exception
        when duplicate_table or unique_violation then null;
    end;
    begin
        lock table analyst.customer_metrics in share row exclusive mode;
    exception
        when insufficient_privilege then null; -- it belongs to another role
    end;
    select pg_get_userbyid(relowner) into metrics_owner from pg_class where oid = 'analyst.customer_metrics'::regclass;
    if metrics_owner <> current_user then
        raise exception 'analyst.customer_metrics belongs to %, not to %', metrics_owner, current_user using
            errcode = 'insufficient_privilege', hint = format('Call it, or drop the table, as %s.', metrics_owner);
    end if;
    delete from analyst.customer_metrics;
    insert into analyst.customer_metrics (
        customer_id, currency, city, country, segment, first_sale_date, last_sale_date, sale_count, return_count,
        quantity, net_amount, margin_amount, average_order_value
    )
    select
        member.customer_id,
        mart.currency,
        min(member.city),
        min(member.country),
        min(member.segment),
        min(mart.sold_date) filter (where mart.sale_count > 0),
        max(mart.sold_date) filter (where mart.sale_count > 0),
        sum(mart.sale_count),
        sum(mart.return_count),
        sum(mart.quantity),
        sum(mart.net_amount),
        sum(mart.margin_amount),
        round(sum(mart.net_amount + mart.returned_amount) / nullif(sum(mart.sale_count), 0), 2)
    from gold.mart_sales_by_customer as mart
    inner join gold.dim_customer as member on member.customer_key = mart.customer_key
    group by member.customer_id, mart.currency;
end
$$;

comment on procedure dwh.sp_refresh_customer_metrics is 'Writes analyst.customer_metrics as a whole: one row per '
'customer and currency with sales. For retail_analyst.';
