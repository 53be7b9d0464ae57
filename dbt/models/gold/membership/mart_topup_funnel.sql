{% set return_days = var('membership_return_days') -%}

with {{ member_days() }},

reported as (

    select max(active_date) as reported_until
    from member_day

),

topped_up as (

    select
        member_id,
        min(channel) filter (where topup_number = 1) as channel,
        min(topped_up_date) filter (where topup_number = 1) as first_date,
        min(topped_up_date) filter (where topup_number = 2) as second_date,
        min(topped_up_date) filter (where topup_number = 3) as third_date
    from {{ ref('fct_topup') }}
    where topup_number <= 3
    group by member_id

),

-- A step is due once the last day on which it could be made was reported: until then it is neither made nor missed,
-- also where it has been made already. Else the members who are quick would be counted before those who are slow.
step as (

    select
        topped_up.channel,
        {{ month_of('topped_up.first_date') }} as month,
        topped_up.first_date + {{ return_days }} <= reported.reported_until as is_second_due,
        coalesce(topped_up.second_date <= topped_up.first_date + {{ return_days }}, false) as has_second,
        coalesce(topped_up.second_date + {{ return_days }} <= reported.reported_until, false) as is_third_due,
        coalesce(topped_up.third_date <= topped_up.second_date + {{ return_days }}, false) as has_third
    from topped_up
    cross join reported

),

counted as (

    select
        month,
        channel,
        count(*) as first_topup_count,
        count(*) filter (where is_second_due) as second_due_count,
        count(*) filter (where is_second_due and has_second) as second_topup_count,
        count(*) filter (where is_second_due and has_second and is_third_due) as third_due_count,
        count(*) filter (where is_second_due and has_second and is_third_due and has_third) as third_topup_count
    from step
    group by month, channel

),

-- Members who could make their first top-up in the month: seen in it, and without one before it.
seen as (

    select
        {{ month_of('member_day.active_date') }} as month,
        count(distinct member_day.member_id) as seen_member_count
    from member_day
    left join topped_up on member_day.member_id = topped_up.member_id
    where topped_up.first_date is null or topped_up.first_date >= {{ month_of('member_day.active_date') }}
    group by {{ month_of('member_day.active_date') }}

),

known_channel as (

    select distinct channel
    from topped_up

),

joined as (

    select
        seen.month,
        known_channel.channel,
        seen.seen_member_count,
        coalesce(counted.first_topup_count, 0) as first_topup_count,
        coalesce(counted.second_due_count, 0) as second_due_count,
        coalesce(counted.second_topup_count, 0) as second_topup_count,
        coalesce(counted.third_due_count, 0) as third_due_count,
        coalesce(counted.third_topup_count, 0) as third_topup_count
    from seen
    cross join known_channel
    left join counted on seen.month = counted.month and known_channel.channel = counted.channel

)

select
    month as first_topup_month,
    channel,
    seen_member_count,
    first_topup_count,
    round(first_topup_count::numeric / seen_member_count, 6)::numeric(7, 6) as first_topup_rate,
    second_due_count,
    first_topup_count - second_due_count as second_open_count,
    second_topup_count,
    round(second_topup_count::numeric / nullif(second_due_count, 0), 6)::numeric(7, 6) as second_topup_rate,
    third_due_count,
    second_topup_count - third_due_count as third_open_count,
    third_topup_count,
    round(third_topup_count::numeric / nullif(third_due_count, 0), 6)::numeric(7, 6) as third_topup_rate,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from joined
