{#-
  Views that no build drops (docs/decisions/0035): the form of sql/surface_schemas.sql, for a model of dbt.

  dbt drops a table of Gold with `cascade` when it swaps it. So the view names no table: it reads a function whose body
  is text, which Postgres looks up and inlines when a query is planned. The function returns the columns of the contract;
  Postgres itself refuses a body that gives others. dbt's own check of a contract would run the query, and the role that
  builds Gold may not read all of `meta`.
-#}
{% materialization inlined_view, adapter='postgres' -%}
{%- set view = api.Relation.create(
    database=this.database, schema=this.schema, identifier=this.identifier, type='view'
) -%}
{%- set existing = load_cached_relation(this) -%}
{{ run_hooks(pre_hooks, inside_transaction=False) }}
{{ run_hooks(pre_hooks, inside_transaction=True) }}
{%- if existing is not none and not existing.is_view -%}
{%- do adapter.drop_relation(existing) -%}
{%- endif %}
{% call statement('main') -%}
{{ inlined_view(view, sql) }}
{%- endcall %}
{{ run_hooks(post_hooks, inside_transaction=True) }}
{% do adapter.commit() %}
{{ run_hooks(post_hooks, inside_transaction=False) }}
{{ return({'relations': [view]}) }}
{%- endmaterialization %}

{#- Function and view are replaced if the columns are those that they have; otherwise both are dropped first. -#}
{% macro inlined_view(view, sql) -%}
{%- set function = view.schema ~ '.read_' ~ view.identifier -%}
{%- set columns, names = [], [] -%}
{%- for column in model.columns.values() -%}
    {#- A function returns types without modifiers. -#}
    {%- do columns.append(column.name ~ ' ' ~ column.data_type.split('(')[0]) -%}
    {%- do names.append(column.name) -%}
{%- endfor -%}
{%- if '$body$' in sql -%}
{{ exceptions.raise_compiler_error("the SQL of " ~ view.identifier ~ " has $body$ in it, which ends the function's body") }}
{%- endif -%}
{%- set found = "select pg_get_function_result(to_regprocedure('" ~ function ~ "(boolean)'))" -%}
{%- set returned = 'TABLE(' ~ columns | join(', ') ~ ')' -%}
{%- if run_query(found).rows[0][0] not in [none, returned] %}
drop view if exists {{ view }} cascade;
drop function {{ function }} (boolean);
{%- endif %}
-- A table that is not there yet is looked for when the view is queried: dwh.require_table says what builds it.
select set_config('check_function_bodies', ({{ is_there() | join(' and ') }})::text, true);

create or replace function {{ function }} (is_built boolean)
returns table ({{ columns | join(', ') }})
language sql
stable
parallel safe
as $body$
select {{ names | join(', ') }}
from (
{#- Text outlives the name of its database: a backup may be restored into another one. #}
{{ sql | replace(adapter.quote(view.database) ~ '.', '') }}
) as model
$body$;

create or replace view {{ view }}
with (security_invoker = true) as
select *
from {{ function }}({{ is_required() | join(' and ') }});

comment on view {{ view }} is {{ quoted(model.description.split('. ')[0] ~ '.') }};
comment on function {{ function }} (boolean) is 'The rows of {{ view.identifier }}. Definition {{ definition() }}';
{%- if not is_development() %}
select meta.grant_reader('{{ view.schema }}', '{{ view.identifier }}');
{%- endif -%}
{%- endmacro %}

{#- What gold/dashboards.py compares with the files: a hash of the model's SQL and of its columns. -#}
{% macro definition() -%}
{%- set texts = [model.raw_code] -%}
{%- for column in model.columns.values() -%}
    {%- do texts.append(column.name ~ ' ' ~ column.data_type) -%}
{%- endfor -%}
{{ local_md5(texts | join('\n')) }}
{%- endmacro %}

{#- Whether each model that this one reads has its table. -#}
{% macro is_there() -%}
{%- set conditions = ['true'] -%}
{%- for name in tables_of_gold() -%}
    {%- do conditions.append("to_regclass('" ~ name ~ "') is not null") -%}
{%- endfor -%}
{{ return(conditions) }}
{%- endmacro %}

{% macro is_required() -%}
{%- set conditions = [] -%}
{%- for name in tables_of_gold() -%}
    {%- do conditions.append("dwh.require_table('" ~ name ~ "')") -%}
{%- endfor -%}
{{ return(conditions or ['true']) }}
{%- endmacro %}

{#- The models that this one reads, as `gold.dim_store`. Tables of `meta` are there before any build. -#}
{% macro tables_of_gold() -%}
{%- set names = [] -%}
{%- for one in model.refs -%}
    {%- set relation = ref(one.name) -%}
    {%- do names.append(relation.schema ~ '.' ~ relation.identifier) -%}
{%- endfor -%}
{{ return(names) }}
{%- endmacro %}
