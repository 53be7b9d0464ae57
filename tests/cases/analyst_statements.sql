-- What the handbook of a classic warehouse has analysts run, as it is printed there.

-- Run verification queries
SELECT COUNT(*) FROM dwh_fact_sales;
SELECT COUNT(*) FROM dwh_dim_customers WHERE is_current = TRUE;
SELECT COUNT(*) FROM dwh_dim_products WHERE is_current = TRUE;

-- Check ETL logs
SELECT * FROM vw_recent_etl_runs;

-- Aggregate sales report
CALL sp_aggregate_sales_report('2025-01-01', '2025-01-31');
SELECT * FROM temp_sales_report;

-- Refresh customer metrics
CALL sp_refresh_customer_metrics();
SELECT * FROM customer_metrics LIMIT 10;

-- Customer average quantity
SELECT fn_avg_quantity_per_customer(5);

-- Product sales velocity
SELECT fn_product_sales_velocity(10, 30);

-- Top customers
SELECT * FROM fn_top_customers(10);

-- Product group performance
SELECT fn_product_group_performance('Electronics', '2025-01-01', '2025-01-31');

-- Performance summary
SELECT * FROM vw_etl_performance_summary;

-- Failed processes
SELECT * FROM etl_logs WHERE status = 'FAILED' ORDER BY start_time DESC;

-- Check data freshness
SELECT table_name, last_updated 
FROM high_water_mark 
ORDER BY last_updated DESC;

-- Row counts by layer
SELECT 'operational' as layer, COUNT(*) FROM sales
UNION ALL
SELECT 'mrr', COUNT(*) FROM mrr_fact_sales
UNION ALL
SELECT 'stg', COUNT(*) FROM stg_fact_sales
UNION ALL
SELECT 'dwh', COUNT(*) FROM dwh_fact_sales;

-- Database connections
SELECT 1;

-- Check error logs
SELECT * FROM etl_logs WHERE status = 'FAILED';

-- View detailed error
SELECT error_message FROM etl_logs WHERE log_id = <id>;
