{{ config(
    unique_key='sales_item_id',
    incremental_strategy='logged_merge',
    meta={
        'takes': [
            'silver.sales_customer', 'silver.sales_product',
            'gold.dim_customer_history', 'gold.dim_product_history', 'gold.dim_store_history',
        ],
        'behind': [
            'dim_customer', 'dim_product', 'dim_store',
            'dim_customer_history', 'dim_product_history', 'dim_store_history',
        ],
    },
    indexes=[
        {'columns': ['sold_date', 'customer_key']},
        {'columns': ['sold_date', 'product_key']},
        {'columns': ['_load_id'], 'type': 'brin'},
        {'columns': ['sale_id'], 'type': 'brin'},
        {'columns': ['sold_at timestamptz_minmax_multi_ops'], 'type': 'brin'},
    ],
) }}

-- depends_on: {{ ref('dim_customer') }}
-- depends_on: {{ ref('dim_product') }}
-- depends_on: {{ ref('dim_store') }}

with changed_sale as ( -- noqa: ST03 - increments use it

    select sale_id
    from {{ source('silver', 'sales_customer') }}
    where
        {{ is_new('silver.sales_customer') }}

    union

    select sale_id
    from {{ source('silver', 'sales_product') }}
    where
        {{ is_new('silver.sales_product') }}

),

{% if is_incremental() %}
    -- Lines whose customer, product or store has another version in force when they were sold.
    repointed as (

        {{ lines_of_other_versions('customer') }}
        union
        {{ lines_of_other_versions('product') }}
        union
        {{ lines_of_other_versions('store', has_index=false) }}

    ),

    changed_line as (

        select
            sale_id,
            null::integer as line_no
        from changed_sale

        union all

        select
            repointed.sale_id,
            repointed.line_no
        from repointed
        where not exists (select 1 from changed_sale where changed_sale.sale_id = repointed.sale_id)

    ),
{% endif %}

header as (

    select *
    from {{ source('silver', 'sales_customer') }}
    where {{ is_visible('silver.sales_customer') }}

),

line as (

    select *
    from {{ source('silver', 'sales_product') }}
    where {{ is_visible('silver.sales_product') }}

)

select
    line.sale_id || '-' || line.line_no as sales_item_id,
    line.sale_id,
    line.line_no,
    customer_version.customer_key,
    product_version.product_key,
    store_version.store_key,
    customer_version.customer_version_key,
    product_version.product_version_key,
    store_version.store_version_key,
    header.customer_id,
    line.product_id,
    header.sold_at,
    (header.sold_at at time zone 'UTC')::date as sold_date,
    header.store_id,
    header.channel,
    header.payment_method,
    header.currency,
    line.quantity,
    line.unit_price,
    (line.quantity * line.unit_price)::numeric(24, 2) as gross_amount,
    line.discount as discount_amount,
    (line.quantity * line.unit_price - line.discount)::numeric(24, 2) as net_amount,
    (
        case when product_version.currency = header.currency then line.quantity * product_version.unit_cost end
    )::numeric(24, 2) as cost_amount,
    line.quantity < 0 as is_return,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from header
inner join line on header.sale_id = line.sale_id
{% if is_incremental() %}
    inner join changed_line
        on
            header.sale_id = changed_line.sale_id
            and line.line_no = coalesce(changed_line.line_no, line.line_no)
{% endif %}
{{ as_of('customer', 'header.customer_id', 'header.sold_at') }}
{{ as_of('product', 'line.product_id', 'header.sold_at') }}
{{ as_of('store', 'header.store_id', 'header.sold_at') }}
