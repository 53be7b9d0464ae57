-- Which record a line in quarantine is, so that a correction of it is known when it arrives, and whether a retry has
-- let it in.

alter table meta.rejected_record add column if not exists record_key bigint[];
alter table meta.rejected_record add column if not exists sale_id bigint;
alter table meta.rejected_record add column if not exists accepted_at timestamptz;

create index if not exists rejected_record_open on meta.rejected_record (dataset, (record_key[1]))
where status = 'OPEN';
create index if not exists rejected_record_open_sale on meta.rejected_record (sale_id)
where status = 'OPEN' and sale_id is not null;

-- Lines that were set aside before these columns were there. What cannot be read stays null.
do $$
declare
    kept record;
    names text [];
    found bigint [];
begin
    for kept in select * from meta.rejected_record where record_key is null
    loop
        names := case kept.dataset
            when 'customers' then array['customer_id']
            when 'products' then array['product_id']
            when 'sales_customer' then array['sale_id']
            when 'sales_product' then array['sale_id', 'line_no']
        end;
        begin
            select
                array_agg(
                    case
                        when json_typeof(raw -> name) <> 'number' or raw ->> name !~ '^[1-9][0-9]{0,18}$' then null
                        when (raw ->> name)::numeric > case name when 'line_no' then 2147483647 else 9223372036854775807 end
                            then null
                        else (raw ->> name)::bigint
                    end
                    order by place
                )
            into found
            -- No text of Postgres holds NUL, and json -> reads the whole line.
            from (select replace(convert_from(kept.raw, 'UTF8'), '\u0000', '\u0001')::json as raw) as line
            cross join unnest(names) with ordinality as part (name, place)
            where json_typeof(raw) = 'object';
            update meta.rejected_record
            set record_key = found, sale_id = case when kept.dataset like 'sales\_%' then found[1] end
            where rejected_record_id = kept.rejected_record_id and found is not null;
        exception
            when others then null; -- the line may be anything
        end;
    end loop;
end
$$;
