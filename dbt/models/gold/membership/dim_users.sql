with {{ member_days() }},

-- As of the newest day that was reported: a build on the day after it gives the same rows.
reported as (

    select max(active_date) as reported_until
    from member_day

),

user_life as (

    select
        member_id,
        min(active_date) as first_seen_date,
        max(active_date) as last_active_date,
        (array_agg(level order by active_date desc))[1] as current_level
    from member_day
    group by member_id

),

first_top_up as (

    select
        member_id,
        topped_up_at as first_top_up_at
    from {{ ref('fct_topup') }}
    where topup_number = 1

)

select
    {{ surrogate_key('member', 'user_life.member_id') }} as user_key,
    user_life.member_id,
    user_life.first_seen_date,
    first_top_up.first_top_up_at,
    user_life.last_active_date,
    user_life.current_level,
    reported.reported_until,
    reported.reported_until - user_life.last_active_date as days_since_last_activity,
    reported.reported_until - user_life.last_active_date < {{ var('membership_active_days') }} as is_active,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from user_life
cross join reported
left join first_top_up on user_life.member_id = first_top_up.member_id
