{#-
  Rows that a build writes to a dimension: the records that have arrived, and an inferred member for each key that only
  a sale has named so far. An inferred member has its key and nulls: the model says what stands in their place.
-#}
{% macro members(key, records, named_by) -%}
with arrived as (

        select *
        from {{ source('silver', records) }}
        where {{ is_new('silver.' ~ records) }}

    ),

    {{ only_named(key, records, named_by) }}

    select
        *,
        arrived.{{ key }} is null as is_inferred
    from arrived
    full join inferred using ({{ key }})
{%- endmacro %}

{#- CTEs `named`, the keys of a table's new rows, and `inferred`, those of them that no record has brought or brings. -#}
{% macro only_named(key, records, named_by) -%}
named as (

        select distinct {{ key }}
        from {{ source('silver', named_by) }}
        where {{ is_new('silver.' ~ named_by) }}

    ),

    -- Two probes by key for each name: a run brings few names, and the tables grow with history.
    inferred as (

        select named.{{ key }}
        from named
        where
            not exists (
                select 1
                from {{ source('silver', records) }} as arrived_before
                where arrived_before.{{ key }} = named.{{ key }} and {{ is_visible('silver.' ~ records) }}
            )
            {% if is_incremental() %}
                and not exists (select 1 from {{ this }} as built where built.{{ key }} = named.{{ key }})
            {% endif %}

    )
{%- endmacro %}
