{#-
  Surrogate key of a natural key: a uuid that anyone can work out, so a fact needs no look-up in its dimension
  and a rebuild gives the same keys. `entity` keeps customer 7 and product 7 apart.
-#}
{% macro surrogate_key(entity, natural_key) -%}
md5('{{ entity }}:' || {{ natural_key }}::text)::uuid
{%- endmacro %}
