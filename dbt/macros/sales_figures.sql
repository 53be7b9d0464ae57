{#- The figures of a mart of sales, over the lines `item` of one key of its grain. A return counts negative. -#}
{% macro sales_figures() -%}
count(distinct item.sale_id) filter (where not item.is_return) as sale_count,
            count(distinct item.sale_id) filter (where item.is_return) as return_count,
            count(*) as line_count,
            sum(item.quantity)::bigint as quantity,
            sum(item.gross_amount)::numeric(38, 2) as gross_amount,
            sum(item.discount_amount)::numeric(38, 2) as discount_amount,
            sum(item.net_amount)::numeric(38, 2) as net_amount,
            coalesce(sum(-item.net_amount) filter (where item.is_return), 0)::numeric(38, 2) as returned_amount
{%- endmacro %}

{#- The same figures of `figure`, and zeros for a key that every line has left: delete_empty removes it. -#}
{% macro sales_figures_or_nothing() -%}
{%- for name in ['sale_count', 'return_count', 'line_count', 'quantity'] -%}
coalesce(figure.{{ name }}, 0) as {{ name }},
    {% endfor -%}
{%- for name in ['gross_amount', 'discount_amount', 'net_amount', 'returned_amount'] -%}
coalesce(figure.{{ name }}, 0)::numeric(38, 2) as {{ name }}{{ ',\n    ' if not loop.last }}
{%- endfor -%}
{%- endmacro %}
