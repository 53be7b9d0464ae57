with found as (

    select
        one.*,
        said.verdict,
        said.note,
        one.status = 'open' and said.verdict is null as is_open
    from {{ source('gold', 'kpi_anomaly') }} as one
    left join {{ source('meta', 'vw_anomaly_verdicts') }} as said
        on
            (one.started_at at time zone 'UTC')::date = said.started_on
            and (one.currency, one.level, one.member, one.direction)
            = (said.currency, said.level, said.member, said.direction)

),

-- The same sales are off as a total, by store and by category: the largest of these counts, so money counts once.
counted as (

    select
        found.*,
        found.is_open and not exists (
            select from found as other
            where
                other.is_open
                and (other.currency, sign(other.amount)) = (found.currency, sign(found.amount))
                and (other.level <> found.level or other.member = found.member)
                and other.started_at < found.ended_at and other.ended_at > found.started_at
                and (abs(other.amount), other.anomaly_id) > (abs(found.amount), found.anomaly_id)
        ) as is_counted
    from found

)

select
    counted.anomaly_id,
    counted.started_at,
    (counted.started_at at time zone 'UTC')::date as started_date,
    counted.ended_at,
    case when counted.status = 'suppressed' then 'not judged' else counted.status end as status,
    case
        when counted.level = 'total' then 'all sales'
        when counted.level = 'store' and store.is_inferred is false then 'store ' || store.store_name
        else counted.level || ' ' || counted.member
    end as sales_of,
    replace(counted.metric, '_', ' ') as metric,
    counted.direction,
    counted.grain,
    counted.currency,
    round(counted.effect * 100)::integer as effect_percent,
    counted.amount,
    greatest(-counted.amount, 0) as missing_amount,
    greatest(counted.amount, 0) as extra_amount,
    case when counted.is_counted then greatest(-counted.amount, 0) else 0 end as open_missing_amount,
    case when counted.is_counted then greatest(counted.amount, 0) else 0 end as open_extra_amount,
    1 as anomaly_count,
    counted.is_open::integer as open_count,
    (counted.status = 'suppressed')::integer as not_judged_count,
    case
        when counted.suppressed_because is null then counted.explanation
        else format('Not judged: %s. %s', counted.suppressed_because, counted.explanation)
    end as explanation,
    case when counted.verdict = 'ok' then 'nothing was wrong' else counted.verdict end
    || coalesce(': ' || nullif(counted.note, ''), '') as verdict
from counted
left join {{ ref('dim_store') }} as store on counted.level = 'store' and store.store_id::text = counted.member
