-- Widens the amounts of Gold tables that were built narrower than Silver admits. dbt compares the types of a model with
-- those of its table, so this runs before the next build. As the scale is unchanged, no row is rewritten. Idempotent.

do $$
declare
    narrow record;
begin
    for narrow in
        select
            attrelid::regclass as relation,
            string_agg(format('alter column %I type %s', attname, wanted), ', ') as changes
        from (
            values
                ('sales_item', 'gross_amount', 'numeric(24,2)'),
                ('sales_item', 'net_amount', 'numeric(24,2)'),
                ('mart_sales_by_customer', 'gross_amount', 'numeric(38,2)'),
                ('mart_sales_by_customer', 'discount_amount', 'numeric(38,2)'),
                ('mart_sales_by_customer', 'net_amount', 'numeric(38,2)')
        ) as amount (model, name, wanted)
        inner join pg_attribute on attrelid = to_regclass('gold.' || model) and attname = name
        inner join pg_class on pg_class.oid = attrelid
        where format_type(atttypid, atttypmod) <> wanted and pg_has_role(relowner, 'USAGE')
        group by attrelid
    loop
        execute format('alter table %s %s', narrow.relation, narrow.changes);
    end loop;
end
$$;
