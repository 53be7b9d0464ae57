{% set active_days = var('membership_active_days') -%}

with {{ member_days() }},

-- A member has the level of a day until the next one.
life as (

    select
        member_id,
        active_date,
        level,
        lead(active_date) over (partition by member_id order by active_date) as next_date
    from member_day

),

-- What a day adds to the number of members of a level; a member who is active later is taken out again, and added to
-- the level of that day.
change as (

    select
        active_date as business_date,
        level,
        1 as members,
        1 as active_members,
        0 as drop_offs
    from life
    union all
    select
        next_date as business_date,
        level,
        -1 as members,
        0 as active_members,
        0 as drop_offs
    from life
    where next_date is not null
    union all
    select
        least(next_date, active_date + {{ active_days }}) as business_date,
        level,
        0 as members,
        -1 as active_members,
        0 as drop_offs
    from life
    union all
    select
        active_date + {{ active_days }} as business_date,
        level,
        0 as members,
        0 as active_members,
        1 as drop_offs
    from life
    where next_date is null or next_date > active_date + {{ active_days }}

),

changed as (

    select
        business_date,
        level,
        sum(members) as members,
        sum(active_members) as active_members,
        sum(drop_offs) as drop_offs
    from change
    group by business_date, level

),

moved as (

    select
        business_date,
        level,
        count(*) as reported_member_count,
        count(*) filter (where level_change = 'upgrade') as upgrade_count,
        count(*) filter (where level_change = 'downgrade') as downgrade_count
    from {{ ref('fct_user_activity') }}
    group by business_date, level

),

-- Every level has a row on every day, up to the newest that was reported.
span as (

    select
        min(active_date) as first_date,
        max(active_date) as last_date
    from member_day

),

known_level as (

    select distinct level
    from life

),

grid as (

    select
        (span.first_date + number.days)::date as business_date,
        known_level.level
    from span
    cross join lateral generate_series(0, span.last_date - span.first_date) as number (days)
    cross join known_level

)

select
    grid.business_date,
    grid.level,
    (sum(coalesce(changed.members, 0)) over up_to_day)::bigint as member_count,
    (sum(coalesce(changed.active_members, 0)) over up_to_day)::bigint as active_member_count,
    coalesce(moved.reported_member_count, 0) as reported_member_count,
    coalesce(moved.upgrade_count, 0) as upgrade_count,
    coalesce(moved.downgrade_count, 0) as downgrade_count,
    coalesce(changed.drop_offs, 0)::bigint as drop_off_count,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from grid
left join changed on grid.business_date = changed.business_date and grid.level = changed.level
left join moved on grid.business_date = moved.business_date and grid.level = moved.level
window up_to_day as (partition by grid.level order by grid.business_date)
