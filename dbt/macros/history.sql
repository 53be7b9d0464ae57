{#-
  History dimensions (SCD type 2): one row per entity and period in which none of its attributes changed.

  A build recomputes, whole, the chains of the keys that new versions have touched, and writes the rows that differ.
  Which periods have another version in force than before goes into `gold.<dimension>_change`, in the same transaction:
  the fact finds there which of its rows to look up again. decisions/0026 says why this is no dbt snapshot.
-#}

{#-
  The chains of the touched keys: the key, its attributes, `updated_at`, `valid_from`, `valid_to` and `is_inferred`.

  `versions` is the table of versions in Silver, `attributes` its columns in the order in which Silver decides between
  two contents of one version. Equal versions that follow each other are one period. A key that only `named_by` has
  named so far is an inferred member: one period for all time, without attributes.
-#}
{% macro chains(key, versions, named_by, attributes) -%}
with touched as (

        select distinct {{ key }}
        from {{ source('silver', versions) }}
        where {{ is_new('silver.' ~ versions) }}

    ),

    version as (

        select distinct on ({{ key }}, updated_at)
            held.*,
            row({{ attributes | join(', ') }}) as content
        from {{ source('silver', versions) }} as held
        {% if is_incremental() -%}
            inner join touched using ({{ key }})
        {% endif -%}
        where {{ is_visible('silver.' ~ versions) }}
        order by {{ key }}, updated_at, {{ attributes | join(' desc, ') }} desc

    ),

    compared as (

        select
            *,
            lag(content) over (partition by {{ key }} order by updated_at) as content_before
        from version

    ),

    numbered as (

        select
            *,
            count(*) filter (where content is distinct from content_before)
                over (partition by {{ key }} order by updated_at)
            as period
        from compared

    ),

    -- The last version of each period: its `updated_at` is the one that Silver shows.
    period as (

        select distinct on ({{ key }}, period)
            *,
            min(updated_at) over (partition by {{ key }}, period) as began_at
        from numbered
        order by {{ key }}, period, updated_at desc

    ),

    {{ only_named(key, versions, named_by) }}

    select
        {{ key }},
        {{ attributes | join(',\n        ') }},
        updated_at,
        case when period.period > 1 then began_at else '-infinity' end as valid_from,
        lead(began_at, 1, 'infinity') over (partition by {{ key }} order by period.period) as valid_to,
        period.period is null as is_inferred
    from period
    full join inferred using ({{ key }})
{%- endmacro %}

{#-
  Key of a version. It is worked out from when the version began, so a rebuild gives the same keys. The first version
  begins at '-infinity': what is learned of its beginning does not change its key.
-#}
{% macro version_key(entity) -%}
{{ surrogate_key(entity ~ '_version', entity ~ "_id || ':' || coalesce(meta.moment_text(valid_from), '-infinity')") }}
{%- endmacro %}

{#-
  Incremental strategy `history`: the chains that were recomputed replace those in the table. What changed goes into
  the log first: the period of each row that is new or has other attributes, and of a row that has grown, what it has
  gained. A row that has shrunk or gone has lost its time to one of these. A key without any row before is not logged: the
  fact has no line of it, as a sale that names a key first makes it an inferred member. Deletes come before inserts, as
  no moment may lie in two rows. A row that is as it was is not touched, and keeps its load.
-#}
{% macro get_incremental_history_sql(arg_dict) -%}
{%- set target, arrived = arg_dict['target_relation'], arg_dict['temp_relation'] -%}
{%- set key, entity = arg_dict['unique_key'], arg_dict['unique_key'] | replace('_version_key', '') -%}
{%- set columns = arg_dict['dest_columns'] | map(attribute='name') | list -%}
{%- set content = columns | reject('in', ['_load_id', '_loaded_at']) | list -%}
{%- set of_the_period = ['updated_at', 'valid_from', 'valid_to', 'valid_during', 'is_current'] -%}
{%- set attributes = content | reject('in', of_the_period) | list -%}
insert into {{ target.schema }}.{{ target.identifier }}_change (_load_id, {{ entity }}_key, changed_from, changed_to)
select {{ gold_load_id() }}, arrived.{{ entity }}_key, lower(changed.period), upper(changed.period)
from {{ arrived }} as arrived
left join {{ target }} as built on arrived.{{ key }} = built.{{ key }}
cross join lateral unnest(
    case
        when (arrived.{{ attributes | join(', arrived.') }}) is distinct from (built.{{ attributes | join(', built.') }})
            then tstzmultirange(arrived.valid_during)
        else tstzmultirange(arrived.valid_during) - tstzmultirange(built.valid_during)
    end
) as changed (period)
where exists (select 1 from {{ target }} as known where known.{{ entity }}_id = arrived.{{ entity }}_id);

delete from {{ target }} as built
where
    built.{{ entity }}_id in (select {{ entity }}_id from {{ arrived }})
    and not exists (
        select 1 from {{ arrived }} as arrived
        where
            arrived.{{ key }} = built.{{ key }}
            and (arrived.{{ content | join(', arrived.') }}) is not distinct from (built.{{ content | join(', built.') }})
    );

insert into {{ target }} ({{ columns | join(', ') }})
select {{ columns | join(', ') }}
from {{ arrived }} as arrived
where not exists (select 1 from {{ target }} as built where built.{{ key }} = arrived.{{ key }})
{%- endmacro %}

{#-
  The lines of the fact that lie in the periods in which an entity has had another version since the fact last looked.
  All lines, if the history was built from the beginning: then it has no log.

  With an index on the day and the key of the entity, no other lines are read. An entity of few keys has none
  (`has_index=false`): all lines of the time from the first to the last of these periods are read, once. `offset 0` keeps
  the planner from joining the whole fact.
-#}
{% macro lines_of_other_versions(entity, has_index=true) -%}
{%- set history = 'dim_' ~ entity ~ '_history' -%}
{%- set log = source('gold', history ~ '_change') -%}
select line.sale_id, line.line_no
    {% if has_index -%}
    from {{ log }} as change
    cross join lateral (
        select item.sale_id, item.line_no
        from {{ this }} as item
        where
            item.{{ entity }}_key = change.{{ entity }}_key
            and item.sold_date >= (change.changed_from at time zone 'UTC')::date
            and item.sold_date <= (change.changed_to at time zone 'UTC')::date
            and item.sold_at >= change.changed_from
            and item.sold_at < change.changed_to
        offset 0
    ) as line
    where {{ is_new('gold.' ~ history) }}
    {%- else -%}
    from (
        select min(changed_from) as first_at, max(changed_to) as last_at
        from {{ log }}
        where {{ is_new('gold.' ~ history) }}
    ) as bound
    cross join lateral (
        select item.sale_id, item.line_no
        from {{ this }} as item
        where
            item.sold_at >= bound.first_at
            and item.sold_at < bound.last_at
            and exists (
                select 1
                from (select * from {{ log }} where {{ is_new('gold.' ~ history) }}) as change
                where
                    change.{{ entity }}_key = item.{{ entity }}_key
                    and change.changed_from <= item.sold_at
                    and change.changed_to > item.sold_at
            )
        offset 0
    ) as line
    {%- endif %}
    union
    select sale_id, line_no
    from {{ this }}
    where {{ is_from_the_beginning('gold.' ~ history) }}
{%- endmacro %}
