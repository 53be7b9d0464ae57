{#-
  The words of the calendar: which days it has, and where a fiscal year begins.

  The fiscal calendar is 4-4-5, in whole weeks from Monday to Sunday. Its year begins on the Monday nearest to the first
  day of the month `fiscal_year_first_month`, and is named after the calendar year of that first day. Its quarters have 13
  weeks, its periods 4, 4 and 5. A year of 53 weeks has the last one in its last period and quarter.
-#}

{#-
  First and last day of the calendar: from January of the year of the first sale to 400 days after the business date. A
  sale dated before `calendar_first_day`, or later than that, has no day in the calendar: a wrong date of one sale must
  not make centuries.
-#}
{% macro calendar_span() -%}
select
        make_date(extract(year from coalesce(min(sold_date), {{ business_date() }}))::integer, 1, 1) as first_day,
        {{ calendar_last_day() }} as last_day
    from {{ ref('sales_item') }}
    where sold_date between {{ calendar_first_day() }} and {{ business_date() }}
{%- endmacro %}

{% macro calendar_first_day() -%}
cast('{{ var('calendar_first_day') }}' as date)
{%- endmacro %}

{% macro calendar_last_day(model_name=none) -%}
{{ business_date(model_name) }} + 400
{%- endmacro %}

{#- The Monday nearest to a day: three days before it at most, or three after it. -#}
{% macro nearest_monday(day) -%}
({{ day }} + 3) - (extract(isodow from {{ day }} + 3)::integer - 1)
{%- endmacro %}
