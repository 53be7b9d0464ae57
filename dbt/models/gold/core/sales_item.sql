{{ config(
    unique_key='sales_item_id',
    incremental_strategy='logged_merge',
    meta={
        'takes': ['silver.sales_customer', 'silver.sales_product'],
        'behind': ['dim_customer', 'dim_product', 'dim_store'],
    },
    indexes=[
        {'columns': ['sold_date', 'customer_key']},
        {'columns': ['_load_id'], 'type': 'brin'},
        {'columns': ['sale_id'], 'type': 'brin'},
        {'columns': ['sold_at timestamptz_minmax_multi_ops'], 'type': 'brin'},
    ],
) }}

-- depends_on: {{ ref('dim_customer') }}
-- depends_on: {{ ref('dim_product') }}
-- depends_on: {{ ref('dim_store') }}

with changed_sale as (

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
    {{ surrogate_key('customer', 'header.customer_id') }} as customer_key,
    {{ surrogate_key('product', 'line.product_id') }} as product_key,
    {{ surrogate_key('store', 'header.store_id') }} as store_key,
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
    line.quantity < 0 as is_return,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from changed_sale
inner join header on changed_sale.sale_id = header.sale_id
inner join line on changed_sale.sale_id = line.sale_id
