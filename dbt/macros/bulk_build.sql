{#-
  How the rows of a model are put into a table (docs/decisions/0027).

  First builds and full refreshes: rows first, then keys.

  dbt-postgres creates a table with the constraints of its contract and inserts into it, row by row into every index.
  Here the rows come first, by `create table as`, which may use a parallel plan; one `alter table` then adds all that
  the contract asks for, and dbt the indexes. All of it in the transaction of the build.
-#}

{#-
  Overrides dbt-postgres: a table with a contract is built in bulk. Temporary tables, the increments, have no constraints.

  The planner takes an increment for one row, as its statistics end before it. So it compared each line of an hour with
  each product, row by row. No increment has to read a table as a whole: all that it looks up has an index.
-#}
{% macro postgres__create_table_as(temporary, relation, sql) -%}
{%- if temporary %}
set local enable_seqscan = off;
{% endif -%}
{%- if temporary or not config.get('contract').enforced or not is_built_in_bulk() -%}
{{ dbt.postgres__create_table_as(temporary, relation, sql) }}
{%- if not temporary -%}
{{ audit_built(relation) }}
{%- endif -%}
{%- else -%}
{{ get_assert_columns_equivalent(sql) }}
{{ config.get('sql_header') or '' }}
-- Handing a row to another process is cheap, compared with what is computed for each row.
set local parallel_tuple_cost = 0;
-- All rows are read, so in the order of their pages. In that of an index each page is read again and again.
set local enable_indexscan = off;

create {{ 'unlogged ' if config.get('unlogged') }}table {{ relation }} as
select
    {{ contract_columns() | join(',\n    ') }}
from (
    {{ sql }}
) as model_subq;

{%- set constraints = contract_constraints() %}
{%- if constraints %}

alter table {{ relation }}
{{ constraints | join(',\n') }};
{%- endif %}

-- Now, and not in close_gold: once the tables are swapped, readers wait for the commit.
analyze {{ relation }};
{{ audit_built(relation) }}
{%- endif -%}
{%- endmacro %}

{#-
  Whether the contract can be fulfilled afterwards. Not where a cast would cut a text that an insert refuses, nor where
  a constraint of a column is part of its definition.
-#}
{% macro is_built_in_bulk() -%}
{%- for column in model.columns.values() -%}
    {%- set type = column.data_type | lower -%}
    {%- if '(' in type and ('char' in type or 'bit' in type) -%}
        {{ return(false) }}
    {%- endif -%}
    {%- for constraint in column.constraints -%}
        {%- if constraint.type == 'custom' or (constraint.type == 'not_null' and constraint.expression) -%}
            {{ return(false) }}
        {%- endif -%}
    {%- endfor -%}
{%- endfor -%}
{{ return(true) }}
{%- endmacro %}

{#- The columns of the contract, in its order and of its types. A cast to the type that a column has costs nothing. -#}
{% macro contract_columns() -%}
{%- set columns = [] -%}
{%- for column in model.columns.values() -%}
    {%- set name = contract_name(column) -%}
    {%- do columns.append(name ~ '::' ~ column.data_type ~ ' as ' ~ name) -%}
{%- endfor -%}
{{ return(columns) }}
{%- endmacro %}

{#- What `alter table` has to do for the contract. A constraint of a column is the table's constraint on it. -#}
{% macro contract_constraints() -%}
{%- set changes, raw = [], [] -%}
{%- for column in model.columns.values() -%}
    {%- for constraint in column.constraints -%}
        {%- if constraint.type == 'not_null' -%}
            {%- do changes.append('alter column ' ~ contract_name(column) ~ ' set not null') -%}
        {%- else -%}
            {%- do raw.append(dict(constraint, columns=[contract_name(column)])) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endfor -%}
{%- for constraint in adapter.render_raw_model_constraints(raw_constraints=raw + model.constraints) -%}
    {%- do changes.append('add ' ~ constraint) -%}
{%- endfor -%}
{{ return(changes) }}
{%- endmacro %}

{% macro contract_name(column) -%}
{{ return(adapter.quote(column.name) if column.get('quote') else column.name) }}
{%- endmacro %}
