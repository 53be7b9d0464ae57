{#-
  Key of a place in `dim_location`: a uuid of country, region and city, so a dimension joins without a look-up. The three
  are hashed as a JSON array, in which no two places look the same.
-#}
{% macro location_key(country='country', region='region', city='city') -%}
{{ surrogate_key('location', 'jsonb_build_array(' ~ country ~ ', ' ~ region ~ ', ' ~ city ~ ')') }}
{%- endmacro %}
