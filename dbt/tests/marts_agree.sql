-- The marts give the same totals for every day that was touched since the tests last passed. The mart by customer is
-- compared with the fact to the cent (mart_balances_with_sales_item), so the others are, too.
{{ config(tags=['mart']) }}

with touched_day as (

    {{ changed('sales_item', ['sold_date'], '_load_id > ' ~ tested('gold.sales_item')) }}

),

total as (
    {% for mart in ['mart_sales_by_customer', 'mart_sales_by_hour', 'mart_sales_by_product'] %}
        select
            '{{ mart }}' as mart,
            touched_day.sold_date,
            coalesce(sum(mart.line_count), 0) as line_count,
            coalesce(sum(mart.quantity), 0) as quantity,
            coalesce(sum(mart.gross_amount), 0) as gross_amount,
            coalesce(sum(mart.discount_amount), 0) as discount_amount,
            coalesce(sum(mart.net_amount), 0) as net_amount
        from touched_day
        left join {{ ref(mart) }} as mart on touched_day.sold_date = mart.sold_date
        group by touched_day.sold_date
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    sold_date,
    array_agg(mart || ': ' || line_count || ' lines, ' || net_amount order by mart) as totals
from total
group by sold_date
having count(distinct row(line_count, quantity, gross_amount, discount_amount, net_amount)) > 1
