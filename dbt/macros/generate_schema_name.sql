{#- A model's schema is the one it names: `gold`, not `gold_gold`. A developer's build has one schema for all. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
{%- if is_development() -%}
{{ target.schema }}
{%- else -%}
{{ custom_schema_name | default(target.schema, true) | trim }}
{%- endif -%}
{%- endmacro %}
