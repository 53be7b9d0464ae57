{#- The SQL of the figures. Generated from dbt/models/metrics.yml: python -m gold.figures. -#}

{#- Measures that every mart holds, in the order of their columns. -#}
{% macro figure_names() -%}
sale_count return_count line_count quantity returned_quantity gross_amount discount_amount net_amount returned_amount cost_amount costed_net_amount margin_amount
{%- endmacro %}

{#- A measure over the lines of one key of a mart's grain. -#}
{% macro figure(name) -%}
{{ {
    "sale_count": "count(distinct case when not is_return then sale_id end)",
    "return_count": "count(distinct case when is_return then sale_id end)",
    "line_count": "count(sale_id)",
    "quantity": "coalesce(sum(quantity), 0)::bigint",
    "returned_quantity": "coalesce(sum(case when is_return then -quantity::bigint end), 0)::bigint",
    "gross_amount": "coalesce(sum(gross_amount), 0)::numeric(38, 2)",
    "discount_amount": "coalesce(sum(discount_amount), 0)::numeric(38, 2)",
    "net_amount": "coalesce(sum(net_amount), 0)::numeric(38, 2)",
    "returned_amount": "coalesce(sum(case when is_return then -net_amount end), 0)::numeric(38, 2)",
    "cost_amount": "coalesce(sum(cost_amount), 0)::numeric(38, 2)",
    "costed_net_amount": "coalesce(sum(case when cost_amount is not null then net_amount end), 0)::numeric(38, 2)",
    "margin_amount": "coalesce(sum(net_amount - cost_amount), 0)::numeric(38, 2)",
    "customer_count": "count(distinct case when not is_return then customer_id end)",
}[name] }}
{%- endmacro %}

{#- The type of a measure's column. -#}
{% macro figure_type(name) -%}
{{ {
    "sale_count": "bigint",
    "return_count": "bigint",
    "line_count": "bigint",
    "quantity": "bigint",
    "returned_quantity": "bigint",
    "gross_amount": "numeric(38, 2)",
    "discount_amount": "numeric(38, 2)",
    "net_amount": "numeric(38, 2)",
    "returned_amount": "numeric(38, 2)",
    "cost_amount": "numeric(38, 2)",
    "costed_net_amount": "numeric(38, 2)",
    "margin_amount": "numeric(38, 2)",
    "customer_count": "bigint",
}[name] }}
{%- endmacro %}

{#- A ratio of columns that are named like measures. -#}
{% macro metric(name) -%}
{{ {
    "average_order_value": "((net_amount + returned_amount)::numeric / nullif(sale_count, 0))::numeric(38, 2)",
    "items_per_order": "((quantity + returned_quantity)::numeric / nullif(sale_count, 0))::numeric(38, 6)",
    "return_rate": "(returned_amount::numeric / nullif((net_amount + returned_amount), 0))::numeric(38, 6)",
    "discount_share": "(discount_amount::numeric / nullif(gross_amount, 0))::numeric(38, 6)",
    "margin_rate": "(margin_amount::numeric / nullif(costed_net_amount, 0))::numeric(38, 6)",
}[name] }}
{%- endmacro %}
