with topped_up as (

    select
        topped_up_date as business_date,
        channel,
        currency,
        count(*) as topup_count,
        count(distinct member_id) as member_count,
        count(*) filter (where is_repeat_topup) as repeat_topup_count,
        sum(amount) as topup_amount
    from {{ ref('fct_topup') }}
    group by topped_up_date, channel, currency

),

-- A day of a channel without a top-up has none; a day without a report of deductions has unknown ones.
joined as (

    select
        business_date,
        channel,
        currency,
        coalesce(topped_up.topup_count, 0) as topup_count,
        coalesce(topped_up.member_count, 0) as member_count,
        coalesce(topped_up.repeat_topup_count, 0) as repeat_topup_count,
        coalesce(topped_up.topup_amount, 0) as topup_amount,
        deducted.gross_amount,
        deducted.refund_amount,
        deducted.fee_amount,
        deducted.chargeback_amount,
        deducted.net_amount
    from topped_up
    full join {{ ref('mart_deductions') }} as deducted using (business_date, channel, currency)

)

select
    business_date,
    channel,
    currency,
    topup_count,
    member_count,
    repeat_topup_count,
    topup_amount::numeric(38, 2) as topup_amount,
    round(topup_amount / nullif(topup_count, 0), 2)::numeric(38, 2) as average_topup_amount,
    round(repeat_topup_count::numeric / nullif(topup_count, 0), 6)::numeric(7, 6) as repeat_share,
    gross_amount,
    refund_amount,
    fee_amount,
    chargeback_amount,
    net_amount,
    round(net_amount / nullif(gross_amount, 0), 6)::numeric(38, 6) as net_share,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from joined
