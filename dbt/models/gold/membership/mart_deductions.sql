-- A report that has not come is not one of nothing: what it would say is null, and stays so until its file is there.
with compared as (

    select
        business_date,
        channel,
        currency,
        case
            when post.net_amount is null then 'pre_only'
            when pre.gross_amount is null then 'post_only'
            else 'both'
        end as reported_by,
        pre.spend_count,
        pre.gross_amount,
        post.refund_amount,
        post.fee_amount,
        post.chargeback_amount,
        post.net_amount,
        pre.gross_amount - post.net_amount as deduction_amount,
        post.refund_amount + post.fee_amount + post.chargeback_amount as named_deduction_amount
    from {{ ref('stg_pre_deduction') }} as pre
    full join {{ ref('stg_post_deduction') }} as post using (business_date, channel, currency)

)

select
    business_date,
    channel,
    currency,
    reported_by,
    spend_count,
    gross_amount,
    refund_amount,
    fee_amount,
    chargeback_amount,
    net_amount,
    deduction_amount::numeric(38, 2) as deduction_amount,
    named_deduction_amount::numeric(38, 2) as named_deduction_amount,
    (deduction_amount - named_deduction_amount)::numeric(38, 2) as unexplained_amount,
    deduction_amount = named_deduction_amount as is_balanced,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from compared
