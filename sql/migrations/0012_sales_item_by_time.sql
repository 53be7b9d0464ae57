-- A block range index on the time of sale, by which the mart by hour reads the lines of the hours that a run touched.
-- dbt creates it with a new fact; this is for a fact that stands already. Several ranges for each block: a late sale
-- widens none of them to all of history.

do $$
begin
    if to_regclass('gold.sales_item') is null then
        return;
    end if;
    if not (select pg_has_role(relowner, 'USAGE') from pg_class where oid = to_regclass('gold.sales_item')) then
        raise exception '% may not change gold.sales_item: grant it the role of that table', current_user;
    end if;
    create index on gold.sales_item using brin (sold_at timestamptz_minmax_multi_ops);
end
$$;
