{#-
  The version of an entity that was in force at a moment: a join that finds exactly one row, so no query repeats the
  range by hand. `as_of('customer', 'header.customer_id', 'header.sold_at')` joins `dim_customer_history` as
  `customer_version`. Versions cover all time from '-infinity' to 'infinity', without gap or overlap, and none of these
  bounds is null. A join that should find a version and finds none leaves nulls, and drops no row.
-#}
{% macro as_of(entity, key, at) -%}
left join {{ ref('dim_' ~ entity ~ '_history') }} as {{ entity }}_version
    on
        {{ key }} = {{ entity }}_version.{{ entity }}_id
        and {{ entity }}_version.valid_from <= {{ at }}
        and {{ entity }}_version.valid_to > {{ at }}
{%- endmacro %}
