{#-
  The change log of a fact, `gold.<fact>_change`: where a row stood before a load moved it.

  A mart recomputes, whole, the keys that its range of loads touches. Where rows have come to, the fact itself says; where
  they have left, only the log. It is written in the fact's own build and read by each mart in its own range, so marts
  of any grain keep their own pace. meta.prune_changes removes what all of them have taken.
-#}

{#-
  Incremental strategy `logged_merge`: a merge that first logs the rows it is about to move. What counts as a move is
  what the log has columns for; a new row, or one whose amounts change, is not in it.
-#}
{% macro get_incremental_logged_merge_sql(arg_dict) -%}
{%- set target = arg_dict['target_relation'] -%}
{%- set key = arg_dict['unique_key'] -%}
{%- set log = api.Relation.create(
    database=target.database, schema=target.schema, identifier=target.identifier ~ '_change'
) -%}
{%- set columns = adapter.get_columns_in_relation(log) | map(attribute='name') | reject('eq', '_load_id') | list -%}
insert into {{ log }} (_load_id, {{ columns | join(', ') }})
select {{ gold_load_id() }}, built.{{ columns | join(', built.') }}
from {{ target }} as built
inner join {{ arg_dict['temp_relation'] }} as arrived on built.{{ key }} = arrived.{{ key }}
where (built.{{ columns | join(', built.') }}) is distinct from (arrived.{{ columns | join(', arrived.') }});

{{ get_incremental_merge_sql(arg_dict) }}
{%- endmacro %}

{#- What rows of a fact came to and what they left, in the loads that `where` names. -#}
{% macro changed(fact, columns, where) -%}
select {{ columns | join(', ') }} from {{ ref(fact) }}
    where {{ where }}
    union
    select {{ columns | join(', ') }} from {{ source('gold', fact ~ '_change') }}
    where {{ where }}
{%- endmacro %}

{#-
  The keys that a mart of this grain recomputes: what the fact's new loads have touched. A column of the grain may be
  worked out of columns of the fact: 'expression as name'. A mart that begins from the beginning recomputes all it
  holds, too: a fact that was built again no longer says what its rows have left. A mart whose table is built from the
  beginning holds nothing that rows could have left.
-#}
{% macro touched(fact, columns) -%}
{%- set moved = changed(fact, columns, is_new('gold.' ~ fact)) -%}
{%- if is_incremental() -%}
{{ moved }}
    union
    select {% for column in columns %}{{ column.split(' as ') | last }}{{ ', ' if not loop.last }}{% endfor %} from {{ this }}
    where {{ is_from_the_beginning('gold.' ~ fact) }}
{%- else -%}
select distinct {{ columns | join(', ') }} from {{ ref(fact) }}
    where {{ is_new('gold.' ~ fact) }}
{%- endif %}
{%- endmacro %}

{#-
  A key that every row has left is recomputed to nothing, and goes with the build that found it so. A build from the
  beginning reads what there is, so it finds none.
-#}
{% macro delete_empty() -%}
{%- if execute and is_incremental() and not is_development() -%}
delete from {{ this }} where line_count = 0 and _load_id = {{ gold_load_id() }}
{%- endif -%}
{%- endmacro %}
