-- The key of the store in the sales fact and in its change log. dbt creates a new fact with it; this is for a fact that
-- stands already. The second `alter` writes the table once, without dead rows; an update would leave it twice as large.

do $$
begin
    if to_regclass('gold.sales_item') is null then
        return;
    end if;
    if not (select pg_has_role(relowner, 'USAGE') from pg_class where oid = to_regclass('gold.sales_item')) then
        raise exception '% may not change gold.sales_item: grant it the role of that table', current_user;
    end if;
    alter table gold.sales_item add column store_key uuid;
    alter table gold.sales_item
    alter column store_key type uuid using md5('store:' || store_id::text)::uuid,
    alter column store_key set not null;
end
$$;

alter table gold.sales_item_change add column store_key uuid;
alter table gold.sales_item_change
alter column store_key type uuid using md5('store:' || store_id::text)::uuid,
alter column store_key set not null;
