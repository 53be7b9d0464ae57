select
    found.anomaly_id,
    found.started_at,
    (found.started_at at time zone 'UTC')::date as started_date,
    found.ended_at,
    case when found.status = 'suppressed' then 'not judged' else found.status end as status,
    case when found.level = 'total' then 'all sales' else found.level end as level,
    case
        when found.level = 'total' then 'all sales'
        when found.level = 'store' and store.is_inferred is false then store.store_name
        when found.level = 'store' then 'Store ' || found.member
        else found.member
    end as member,
    replace(found.metric, '_', ' ') as metric,
    found.direction,
    found.grain,
    found.currency,
    round(found.effect * 100)::integer as effect_percent,
    found.amount,
    greatest(-found.amount, 0) as missing_amount,
    greatest(found.amount, 0) as extra_amount,
    case when watched.is_open then greatest(-found.amount, 0) else 0 end as open_missing_amount,
    case when watched.is_open then greatest(found.amount, 0) else 0 end as open_extra_amount,
    1 as anomaly_count,
    watched.is_open::integer as open_count,
    (found.status = 'suppressed')::integer as not_judged_count,
    case
        when found.suppressed_because is null then found.explanation
        else format('Not judged: %s. %s', found.suppressed_because, found.explanation)
    end as explanation,
    case when said.verdict = 'ok' then 'nothing was wrong' else said.verdict end
    || coalesce(': ' || nullif(said.note, ''), '') as verdict
from {{ source('gold', 'kpi_anomaly') }} as found
left join {{ ref('dim_store') }} as store on found.level = 'store' and store.store_id::text = found.member
left join lateral (
    select
        one.verdict,
        one.note
    from {{ source('meta', 'anomaly_verdict') }} as one
    where
        (one.started_at, one.currency, one.level, one.member, one.direction)
        = (found.started_at, found.currency, found.level, found.member, found.direction)
    order by one.verdict_id desc
    limit 1
) as said on true
cross join lateral (select found.status = 'open' and said.verdict is null as is_open) as watched
