-- The marts give the same totals for every day and currency that was touched since the tests last passed. The mart by
-- customer is compared with the fact to the cent (mart_balances_with_sales_item), so the others are, too. Orders are
-- not compared by product and by category: one that has two of them counts for both.
{{ config(tags=['mart']) }}

with touched as (

    {{ changed('sales_item', ['sold_date', 'currency'], '_load_id > ' ~ tested('gold.sales_item')) }}

),

total as (
    {% for mart in [
        'daily_kpis', 'sales_by_category', 'sales_by_customer', 'sales_by_hour', 'sales_by_product', 'sales_by_store'
    ] %}
        select
            'mart_{{ mart }}' as mart,
            touched.sold_date,
            touched.currency,
            {% if mart in ['sales_by_category', 'sales_by_product'] %}
                null::numeric as sale_count,
                null::numeric as return_count,
            {% else %}
                coalesce(sum(mart.sale_count), 0) as sale_count,
                coalesce(sum(mart.return_count), 0) as return_count,
            {% endif %}
            coalesce(sum(mart.line_count), 0) as line_count,
            coalesce(sum(mart.quantity), 0) as quantity,
            coalesce(sum(mart.returned_quantity), 0) as returned_quantity,
            coalesce(sum(mart.gross_amount), 0) as gross_amount,
            coalesce(sum(mart.discount_amount), 0) as discount_amount,
            coalesce(sum(mart.net_amount), 0) as net_amount,
            coalesce(sum(mart.returned_amount), 0) as returned_amount,
            coalesce(sum(mart.cost_amount), 0) as cost_amount,
            coalesce(sum(mart.costed_net_amount), 0) as costed_net_amount,
            coalesce(sum(mart.margin_amount), 0) as margin_amount
        from touched
        left join {{ ref('mart_' ~ mart) }} as mart
            on
                touched.currency = mart.currency
                {% if mart == 'sales_by_hour' %}
                    -- by its key, which begins with the hour
                    and touched.sold_date::timestamp at time zone 'UTC' <= mart.sold_hour
                    and (touched.sold_date + 1)::timestamp at time zone 'UTC' > mart.sold_hour
                {% else %}
                    and touched.sold_date = mart.sold_date
                {% endif %}
        group by touched.sold_date, touched.currency
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    sold_date,
    currency,
    array_agg(
        mart || ': ' || coalesce(sale_count || ' orders, ', '') || line_count || ' lines, ' || net_amount
        order by mart
    ) as totals
from total
group by sold_date, currency
having
    count(distinct row(
        line_count, quantity, returned_quantity, gross_amount, discount_amount, net_amount, returned_amount,
        cost_amount, costed_net_amount, margin_amount
    )) > 1
    or count(distinct sale_count) > 1
    or count(distinct return_count) > 1
