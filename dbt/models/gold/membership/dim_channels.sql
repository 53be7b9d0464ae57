with reported as (

    select
        channel,
        {{ membership_time('topped_up_at') }}::date as reported_date
    from {{ ref('stg_top_up') }}
    union all
    select
        channel,
        business_date as reported_date
    from {{ ref('stg_pre_deduction') }}
    union all
    select
        channel,
        business_date as reported_date
    from {{ ref('stg_post_deduction') }}

)

select
    {{ surrogate_key('channel', 'channel') }} as channel_key,
    channel,
    min(reported_date) as first_seen_date,
    max(reported_date) as last_seen_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from reported
group by channel
