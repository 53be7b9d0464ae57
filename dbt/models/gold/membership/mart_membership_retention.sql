with {{ member_days() }},

-- The last week whose Sunday was reported. A week that is not over would look like one in which members stay away.
complete as (

    select {{ week_of('max(active_date) + 1') }} - 7 as last_week
    from member_day

),

active_week as (

    select distinct
        member_day.member_id,
        {{ week_of('member_day.active_date') }} as week
    from member_day
    cross join complete
    where {{ week_of('member_day.active_date') }} <= complete.last_week

),

life as (

    select
        week,
        min(week) over (partition by member_id) as cohort
    from active_week

),

activity as (

    select
        cohort,
        week,
        count(*) as active_member_count
    from life
    group by cohort, week

),

-- A week without an active member has its row. In its first week all of a cohort's members are active.
grid as (

    select
        cohort.cohort,
        cohort.active_member_count as member_count,
        number.week_number
    from activity as cohort
    cross join complete
    cross join lateral generate_series(0, (complete.last_week - cohort.cohort) / 7) as number (week_number)
    where cohort.cohort = cohort.week

)

select
    grid.cohort as cohort_week,
    grid.week_number,
    grid.cohort + 7 * grid.week_number as activity_week,
    grid.member_count,
    coalesce(activity.active_member_count, 0) as active_member_count,
    round(coalesce(activity.active_member_count, 0)::numeric / grid.member_count, 6)::numeric(7, 6) as active_share,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from grid
left join activity on grid.cohort = activity.cohort and grid.cohort + 7 * grid.week_number = activity.week
