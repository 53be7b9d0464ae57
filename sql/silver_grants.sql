-- Rights on the tables of Silver.
-- Written by `python -m medallion.entities` from medallion/entities: change it there.

do $$
begin
    if to_regrole('retail_ingestion') is not null then
        grant select, insert, update, maintain on
            silver.customers, silver.products, silver.stores, silver.sales_customer, silver.sales_product,
            silver.top_up, silver.pre_deduction, silver.post_deduction, silver.op_stats
        to retail_ingestion; -- maintain: analyze
        grant delete on
            silver.sales_customer, silver.sales_product, silver.top_up, silver.pre_deduction, silver.post_deduction,
            silver.op_stats
        to retail_ingestion;
        grant select, insert, maintain on
            silver.customers_version, silver.products_version, silver.stores_version, silver.top_up_version,
            silver.pre_deduction_version, silver.post_deduction_version, silver.op_stats_version
        to retail_ingestion;
        grant execute on function
            meta.customers_checksum, meta.products_checksum, meta.stores_checksum, meta.top_up_checksum,
            meta.pre_deduction_checksum, meta.post_deduction_checksum, meta.op_stats_checksum
        to retail_ingestion;
    end if;
    if to_regrole('retail_transformation') is not null then
        grant select on
            silver.customers, silver.customers_version, silver.products, silver.products_version, silver.stores,
            silver.stores_version, silver.sales_customer, silver.sales_product, silver.top_up, silver.top_up_version,
            silver.pre_deduction, silver.pre_deduction_version, silver.post_deduction, silver.post_deduction_version,
            silver.op_stats, silver.op_stats_version
        to retail_transformation;
        grant execute on function
            meta.customers_checksum, meta.products_checksum, meta.stores_checksum, meta.sales_customer_checksum,
            meta.sales_product_checksum, meta.top_up_checksum, meta.pre_deduction_checksum,
            meta.post_deduction_checksum, meta.op_stats_checksum
        to retail_transformation;
    end if;
end
$$;
