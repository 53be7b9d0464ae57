{#-
  Surrogate key of a natural key: a uuid that anyone can work out, so a fact needs no look-up in its dimension
  and a rebuild gives the same keys. `entity` keeps customer 7 and product 7 apart.
-#}
{% macro surrogate_key(entity, natural_key) -%}
md5('{{ entity }}:' || {{ natural_key }}::text)::uuid
{%- endmacro %}

{#-
  A text as part of a primary key: of one longer than an index can hold, its beginning and its hash. Postgres allows an
  index entry 2,704 bytes, and a source may send a channel or a category of any length.
-#}
{% macro key_text(text) -%}
case
        when octet_length({{ text }}) <= 1000 then {{ text }}
        else left({{ text }}, 100) || '… ' || md5({{ text }})
    end
{%- endmacro %}
