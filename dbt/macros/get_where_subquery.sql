{#-
  How far a table is tested: the `_load_id` up to which every row has been looked at by tests that passed.
  With RETAIL_FULL_TESTS in the environment nothing is, so the same tests look at all history. A variable of dbt would
  have it parse the whole project again.
-#}
{% macro tested(table) -%}
{%- if execute and (env_var('RETAIL_FULL_TESTS', '') or is_development()) -%}
-1 {#- A developer's build writes under load 0. #}
{%- else -%}
meta.taken('dbt_test', '{{ table }}')
{%- endif -%}
{%- endmacro %}

{#- Whether no row of a model has been tested yet: it was built for the first time, or again, or all tests look at it. -#}
{% macro is_all_new(name) -%}
{%- if not execute or load_relation(ref(name)) is none -%}
    {{ return(false) }}
{%- endif -%}
{%- set tested_before = 'select 1 from ' ~ ref(name) ~ ' where _load_id <= ' ~ tested('gold.' ~ name) ~ ' limit 1' -%}
{{ return(run_query(tested_before).rows | length == 0) }}
{%- endmacro %}

{#-
  `where: new rows` in the config of a test limits it to rows that were not tested yet, so the tests of a run
  cost what the run brought; `new rows and …` limits it further. Overrides dbt's macro of this name, as its documentation of `where` suggests.
-#}
{% macro get_where_subquery(relation) -%}
{%- set where = config.get('where') or '' -%}
{%- if where.startswith('new rows') -%}
(
    select * from {{ relation }}
    where _load_id > {{ tested(relation.schema ~ '.' ~ relation.identifier) }} {{ where | replace('new rows', '', 1) }}
) as new_rows
{%- elif where -%}
(select * from {{ relation }} where {{ where }}) as filtered
{%- else -%}
{{ relation }}
{%- endif -%}
{%- endmacro %}
