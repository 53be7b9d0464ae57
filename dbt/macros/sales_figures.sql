{#- The figures of a mart of sales, over the lines of one key of its grain; `more` adds measures that not every mart has. -#}
{% macro sales_figures(more=[]) -%}
{%- for name in figure_names().split() + more -%}
{{ figure(name) }} as {{ name }}{{ ',\n            ' if not loop.last }}
{%- endfor -%}
{%- endmacro %}

{#-
  The figures of each touched day by other columns of the fact: one range of the fact for each day. The grouping inside
  keeps the planner from joining the whole fact. A build from the beginning reads the fact once. `texts`: the columns
  that may be of any length. `of_product`: texts of the version of the product that was in force.
-#}
{% macro sales_figures_of_days(columns, more=[], texts=[], of_product=[]) -%}
{%- set keys, named = [], [] -%}
{%- for column in columns -%}
{%- set value = key_text('item.' ~ column) if column in texts else 'item.' ~ column -%}
{%- do keys.append(value) -%}
{%- do named.append(value ~ ' as ' ~ column) -%}
{%- endfor -%}
{%- set versions = '' -%}
{%- if of_product -%}
{%- for column in of_product -%}
{%- do keys.append(key_text('product.' ~ column)) -%}
{%- do named.append(key_text('product.' ~ column) ~ ' as ' ~ column) -%}
{%- endfor -%}
{%- set versions -%}
inner join (
            select product_version_key, {{ of_product | join(', ') }} from {{ ref('dim_product_history') }}
        ) as product on item.product_version_key = product.product_version_key
{%- endset -%}
{%- endif -%}
{%- if is_incremental() -%}
select
        touched_day.sold_date,
        day.*
    from (select distinct sold_date from touched) as touched_day
    cross join lateral (
        select
            {{ named | join(', ') }},
            {{ sales_figures(more) }}
        from {{ ref('sales_item') }} as item
        {{ versions }}
        where item.sold_date = touched_day.sold_date
        group by {{ keys | join(', ') }}
    ) as day
{%- else -%}
select
            item.sold_date,
            {{ named | join(', ') }},
            {{ sales_figures(more) }}
    from {{ ref('sales_item') }} as item
    {{ versions }}
    group by item.sold_date, {{ keys | join(', ') }}
{%- endif -%}
{%- endmacro %}

{#- The same figures of `figure`, and zeros for a key that every line has left: delete_empty removes it. -#}
{% macro sales_figures_or_nothing(more=[]) -%}
{%- for name in figure_names().split() + more -%}
coalesce(figure.{{ name }}, 0)::{{ figure_type(name) }} as {{ name }}{{ ',\n    ' if not loop.last }}
{%- endfor -%}
{%- endmacro %}
