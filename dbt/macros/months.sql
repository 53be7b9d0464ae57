{#- Months as numbers, for the nightly models about customers. -#}

{#- A month as a number, so that months can be counted: the difference of two is the months between them. -#}
{% macro month_index(day) -%}
(date_part('year', {{ day }}) * 12 + date_part('month', {{ day }}) - 1)::integer
{%- endmacro %}

{#- The first day of the month that `month_index` gave this number. -#}
{% macro month_of_index(number) -%}
(date '0001-01-01' + make_interval(months => {{ number }} - 12))::date
{%- endmacro %}
