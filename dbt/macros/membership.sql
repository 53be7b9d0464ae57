{#-
  The words of the membership's models: tables that are built as a whole from all that was delivered.

  A file that comes late, or comes again, may change any earlier row, so that nothing is taken by increments: no model has
  a row in meta.gold_state. No SQL asks a clock: what is counted ends with the newest day that was reported.
-#}

{#- Opens the load of a model. It takes nothing by increments and is behind no other model. -#}
{% macro open_membership() -%}
{%- if execute and not is_development() -%}
select meta.open_gold(
    '{{ this.identifier }}', array[]::text [], array[]::text [], true,
    {{ quoted(env_var("RETAIL_RUN_ID", invocation_id)) }}
)
{%- endif -%}
{%- endmacro %}

{#- A moment as the clock on the wall shows it where the members are. -#}
{% macro membership_time(moment) -%}
({{ moment }} at time zone '{{ var("membership_zone") }}')
{%- endmacro %}

{#- The currency of a report whose amounts have none next to them: its columns say "in euros". -#}
{% macro membership_currency() -%}
'{{ var("membership_currency") }}'::text
{%- endmacro %}

{#- The place of a level among all levels, from 1; 0 for one that is not known. -#}
{% macro level_rank(level) -%}
coalesce(array_position(array['{{ var("membership_levels") | join("', '") }}']::text [], {{ level }}), 0)
{%- endmacro %}

{#- The Monday of a day's week. -#}
{% macro week_of(day) -%}
date_trunc('week', ({{ day }})::timestamp)::date
{%- endmacro %}

{#- The first day of a day's month. -#}
{% macro month_of(day) -%}
date_trunc('month', ({{ day }})::timestamp)::date
{%- endmacro %}

{#-
  CTEs that end with `member_day`: one row per member and day with a top-up or with an activity in the reports. Its level
  is that of the evening, as op-stats has it, or else that after the last top-up of the day.
-#}
{% macro member_days() -%}
topped_up_day as (

        select distinct on (member_id, topped_up_date)
            member_id,
            topped_up_date as active_date,
            level
        from {{ ref('fct_topup') }}
        order by member_id, topped_up_date, topup_number desc

    ),

    reported_day as (

        select
            member_id,
            business_date as active_date,
            level
        from {{ ref('fct_user_activity') }}

    ),

    member_day as (

        select
            member_id,
            active_date,
            coalesce(reported_day.level, topped_up_day.level) as level
        from topped_up_day
        full join reported_day using (member_id, active_date)

    )
{%- endmacro %}
