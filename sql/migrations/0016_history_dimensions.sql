-- History dimensions: one row per version, of which no two of one entity overlap. The server itself holds that, by a
-- constraint that needs PostgreSQL 18 and an extension, in a schema of its own, as no code calls its functions.

do $$
begin
    if current_setting('server_version_num')::integer < 180000 then
        raise exception 'the warehouse needs PostgreSQL 18 or newer, this is %', current_setting('server_version');
    end if;
end
$$;

-- A database that is not ours alone may have either already.
create schema if not exists extensions;
create extension if not exists btree_gist schema extensions;

-- Which periods have another version in force since a load. The fact reads it in its own range of loads.
create table gold.dim_customer_history_change (
    _load_id bigint not null,
    customer_key uuid not null,
    changed_from timestamptz not null,
    changed_to timestamptz not null,
    primary key (_load_id, customer_key, changed_from)
);
create table gold.dim_product_history_change (
    _load_id bigint not null,
    product_key uuid not null,
    changed_from timestamptz not null,
    changed_to timestamptz not null,
    primary key (_load_id, product_key, changed_from)
);
create table gold.dim_store_history_change (
    _load_id bigint not null,
    store_key uuid not null,
    changed_from timestamptz not null,
    changed_to timestamptz not null,
    primary key (_load_id, store_key, changed_from)
);

-- The fact carries the versions in force at the sale. The next run builds it from the beginning, as it has new columns
-- now, and its marts with it: what the log says is not needed then.
do $$
begin
    if not (select pg_has_role(relowner, 'USAGE') from pg_class where oid = 'gold.sales_item_change'::regclass) then
        raise exception '% may not change gold.sales_item_change: grant it the role of the table', current_user;
    end if;
    delete from gold.sales_item_change;
    alter table gold.sales_item_change
    add column customer_version_key uuid not null,
    add column product_version_key uuid not null,
    add column store_version_key uuid not null;
end
$$;
