{#- A model's schema is the one it names: `gold`, not `gold_gold`. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
{{ custom_schema_name | default(target.schema, true) | trim }}
{%- endmacro %}
