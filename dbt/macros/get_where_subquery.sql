{#-
  `where: new rows` in the config of a test limits it to rows that no passing test has looked at yet, so an
  hour's tests cost what the hour brought. With `--vars '{full_tests: true}'` the same tests look at everything.
  Overrides dbt's macro of this name, as its documentation of `where` suggests.
-#}
{% macro get_where_subquery(relation) -%}
{%- set where = config.get('where', '') -%}
{%- if where == 'new rows' and var('full_tests') -%}
{{ relation }}
{%- elif where == 'new rows' -%}
(
    select * from {{ relation }}
    where _load_id > (select meta.taken('dbt_test', '{{ relation.schema }}.{{ relation.identifier }}'))
) as new_rows
{%- elif where -%}
(select * from {{ relation }} where {{ where }}) as filtered
{%- else -%}
{{ relation }}
{%- endif -%}
{%- endmacro %}
