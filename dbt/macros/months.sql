{#- Months as numbers, for the nightly models about customers. -#}

{#- A month as a number, so that months can be counted: the difference of two is the months between them. -#}
{% macro month_index(day) -%}
(date_part('year', {{ day }}) * 12 + date_part('month', {{ day }}) - 1)::integer
{%- endmacro %}

{#- The first day of the month that `month_index` gave this number. -#}
{% macro month_of_index(number) -%}
(date '0001-01-01' + make_interval(months => {{ number }} - 12))::date
{%- endmacro %}

{#-
  The month that cohorts take a day for: that of `calendar_first_day` at the earliest. One sale that is dated by mistake
  in the year 1 must not make a row for each month since.
-#}
{% macro month_of_cohorts(day) -%}
{{ month_index('greatest(' ~ day ~ ', ' ~ calendar_first_day() ~ ')') }}
{%- endmacro %}
