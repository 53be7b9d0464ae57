-- The statement of dashboards/checking/asking.py.

-- name: days_of_sales
-- The days of the first and the newest sale; a till whose clock runs ahead does not count.
select min(sold_date), max(sold_date)
from gold.sales_item
where sold_at <= now();
