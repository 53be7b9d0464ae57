{#-
  Builds in a schema of a developer's own: `./retail dbt --target dev` (docs/extending.md).

  Such a build takes no increments. It reads all rows there are, moves no watermark, writes no load and no result, and
  grants nothing. What is not selected is read from the live Gold, by dbt's own `--defer`.
-#}
{% macro is_development() -%}
{{ return(target.name == 'dev') }}
{%- endmacro %}
