with known as (

    select
        'silver' as layer,
        dataset as table_name,
        entity
    from {{ source('meta', 'dataset') }}

    union all

    select
        'silver' as layer,
        dataset || '_version' as table_name,
        entity
    from {{ source('meta', 'dataset') }}
    where to_regclass('silver.' || dataset || '_version') is not null

    union all

    select distinct
        'gold' as layer,
        model as table_name,
        null as entity
    from {{ source('meta', 'gold_state') }}
    where model not in ('core_test', 'dbt_test')

    union all

    select
        'gold' as layer,
        model as table_name,
        null as entity
    from {{ source('meta', 'nightly_build') }}

)

select
    known.layer,
    known.table_name,
    last_load.ended_at as last_loaded_at,
    round(extract(epoch from now() - last_load.ended_at) / 3600, 2) as hours_since_load,
    last_load.row_count as last_row_count,
    case
        when known.layer = 'gold' and known.table_name = 'mart_sales_by_hour'
            -- A till whose clock runs ahead must not make the data look newer than it is.
            then (select max(mart.sold_hour) from {{ ref('mart_sales_by_hour') }} as mart where mart.sold_hour <= now())
        else (nightly.business_date + 1)::timestamp at time zone 'UTC'
    end as data_until,
    known.entity,
    state.cursor_value as watermark,
    state.updated_at as watermark_moved_at
from known
left join {{ source('meta', 'ingestion_state') }} as state on known.entity = state.entity
left join {{ source('meta', 'nightly_build') }} as nightly
    on known.table_name = nightly.model and known.layer = 'gold'
-- The index on the last change of each table.
left join lateral (
    select
        log.ended_at,
        log.rows_inserted + log.rows_updated as row_count
    from {{ source('meta', 'load') }} as log
    where
        log.layer = known.layer
        and log.dataset = known.table_name
        and log.status = 'SUCCESS'
        and log.rows_inserted + log.rows_updated > 0
    order by log.load_id desc
    limit 1
) as last_load on true
