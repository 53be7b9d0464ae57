with followed as (

    select
        business_date,
        member_id,
        level,
        lag(level) over by_day as previous_level,
        lag(business_date) over by_day as previous_date,
        visits,
        purchases,
        currency,
        spent_amount
    from {{ ref('stg_op_stats') }}
    window by_day as (partition by member_id order by business_date)

)

select
    business_date,
    {{ surrogate_key('member', 'member_id') }} as user_key,
    member_id,
    level,
    previous_level,
    case
        when previous_level is null then 'first'
        when previous_level = level then 'same'
        when {{ level_rank('level') }} > {{ level_rank('previous_level') }} then 'upgrade'
        else 'downgrade'
    end as level_change,
    business_date - previous_date as days_since_previous_activity,
    visits,
    purchases,
    currency,
    spent_amount,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from followed
