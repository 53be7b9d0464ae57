-- All of history is numbered at each build, so that a top-up that is reported late renumbers those after it. Two of the
-- same moment are in the order of their ids, byte by byte: it depends on no server's language.
with numbered as (

    select
        top_up_id,
        member_id,
        channel,
        topped_up_at,
        {{ membership_time('topped_up_at') }} as local_time,
        currency,
        amount,
        level,
        row_number() over (
            partition by member_id order by topped_up_at, top_up_id collate "C"
        ) as topup_number
    from {{ ref('stg_top_up') }}

)

select
    top_up_id,
    {{ surrogate_key('member', 'member_id') }} as user_key,
    member_id,
    {{ surrogate_key('channel', 'channel') }} as channel_key,
    channel,
    topped_up_at,
    local_time::date as topped_up_date,
    date_part('hour', local_time)::integer as topped_up_hour,
    case
        when local_time::time < '06:00' then 'night'
        when local_time::time < '12:00' then 'morning'
        when local_time::time < '18:00' then 'afternoon'
        else 'evening'
    end as topup_day_segment,
    currency,
    amount,
    level,
    topup_number,
    topup_number > 1 as is_repeat_topup,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from numbered
