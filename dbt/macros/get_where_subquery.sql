{#-
  How far a table is tested: the `_load_id` up to which every row has been looked at by tests that passed.
  With `--vars '{full_tests: true}'` nothing is, so the same tests look at all history.
-#}
{% macro tested(table) -%}
{%- if var('full_tests') -%}
0
{%- else -%}
meta.taken('dbt_test', '{{ table }}')
{%- endif -%}
{%- endmacro %}

{#-
  `where: new rows` in the config of a test limits it to rows that were not tested yet, so the tests of a run
  cost what the run brought. Overrides dbt's macro of this name, as its documentation of `where` suggests.
-#}
{% macro get_where_subquery(relation) -%}
{%- set where = config.get('where', '') -%}
{%- if where == 'new rows' -%}
(
    select * from {{ relation }}
    where _load_id > {{ tested(relation.schema ~ '.' ~ relation.identifier) }}
) as new_rows
{%- elif where -%}
(select * from {{ relation }} where {{ where }}) as filtered
{%- else -%}
{{ relation }}
{%- endif -%}
{%- endmacro %}
