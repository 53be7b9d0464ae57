{#-
  The protocol by which a model takes increments (sql/gold_functions.sql), as words of the models.

  A model names the tables it reads in `meta.takes`, and in `meta.behind` the models that must have taken
  them first: a fact takes no sale whose customer its dimension has not seen. open_gold fixes the range
  (taken, through] of every table; close_gold moves the watermarks. Both run in the model's transaction, so
  a build that fails has taken nothing.
-#}

{#- A text as SQL writes it, whatever it holds. -#}
{% macro quoted(text) -%}
'{{ text | replace("'", "''") }}'
{%- endmacro %}

{% macro open_gold() -%}
{%- if execute and not is_development() -%}
{%- set takes = model.config.meta.takes -%}
{%- set behind = model.config.meta.get('behind', []) -%}
select meta.open_gold(
    '{{ this.identifier }}',
    array[{% for name in takes %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %}]::text [],
    array[{% for name in behind %}'{{ name }}'{{ ', ' if not loop.last }}{% endfor %}]::text [],
    {{ 'false' if is_incremental() else 'true' }},
    {{ quoted(env_var("RETAIL_RUN_ID", invocation_id)) }}
)
{%- endif -%}
{%- endmacro %}

{#-
  A table built from the beginning is not counted: readers wait for this transaction, see meta.close_gold. The rows of an
  increment were counted by its audits, if it has some.
-#}
{% macro close_gold() -%}
{%- if execute and not is_development() -%}
select meta.close_gold(
    '{{ this.identifier }}',
    {% if is_incremental() -%}
        coalesce(
            nullif(current_setting('retail.rows_written', true), '')::bigint,
            (select count(*) from {{ this }} where _load_id = meta.gold_load_id('{{ this.identifier }}'))
        )
    {%- else -%}
        null
    {%- endif %}
)
{%- endif -%}
{%- endmacro %}

{#-
  A table that a person has rebuilt as the owner of the warehouse is handed to the role of the hourly run. A statement
  of its own: close_gold reads the table.
-#}
{% macro hand_over() -%}
{%- if execute and not is_development() -%}
select meta.hand_to_transformation('{{ this.identifier }}')
{%- endif -%}
{%- endmacro %}

{#- Rows of a table that this build takes. The bounds are known when the statement is planned: see their functions. -#}
{% macro is_new(table) -%}
{%- if is_development() -%}
true
{%- else -%}
_load_id > meta.taken('{{ this.identifier }}', '{{ table }}')
        and {{ is_visible(table) }}
{%- endif -%}
{%- endmacro %}

{#-
  Rows of a table that this build may look at: what comes later belongs to the next build. `alias` is the table's in the
  statement.
-#}
{% macro is_visible(table, alias=none) -%}
{%- if is_development() -%}
true
{%- else -%}
{{ alias ~ '.' if alias }}_load_id <= meta.through('{{ this.identifier }}', '{{ table }}')
{%- endif -%}
{%- endmacro %}

{#- Whether this build takes a table from its beginning, as after the table was built again. -#}
{% macro is_from_the_beginning(table) -%}
{%- if is_development() -%}
true
{%- else -%}
meta.taken('{{ this.identifier }}', '{{ table }}') = 0
{%- endif -%}
{%- endmacro %}

{#- The load this build writes under. -#}
{% macro gold_load_id() -%}
{%- if is_development() -%}
0::bigint
{%- else -%}
meta.gold_load_id('{{ this.identifier }}')
{%- endif -%}
{%- endmacro %}
