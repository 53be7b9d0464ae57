{{ config(
    tags=['core'],
    unique_key='sales_item_id',
    incremental_strategy='merge',
    meta={
        'takes': ['silver.sales_customer', 'silver.sales_product'],
        'behind': ['dim_customer', 'dim_product'],
    },
    indexes=[
        {'columns': ['sold_date', 'customer_key']},
        {'columns': ['_load_id'], 'type': 'brin'},
        {'columns': ['sale_id'], 'type': 'brin'},
    ],
) }}

-- depends_on: {{ ref('dim_customer') }}
-- depends_on: {{ ref('dim_product') }}

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

),

joined as (

    select
        line.sale_id || '-' || line.line_no as sales_item_id,
        line.sale_id,
        line.line_no,
        {{ surrogate_key('customer', 'header.customer_id') }} as customer_key,
        {{ surrogate_key('product', 'line.product_id') }} as product_key,
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
        (line.quantity * line.unit_price)::numeric(14, 2) as gross_amount,
        line.discount as discount_amount,
        (line.quantity * line.unit_price - line.discount)::numeric(14, 2) as net_amount,
        line.quantity < 0 as is_return
    from changed_sale
    inner join header on changed_sale.sale_id = header.sale_id
    inner join line on changed_sale.sale_id = line.sale_id

),

-- Where a row stood when the mart last took it: a sale that moves must leave its old customer and day too.
{% if is_incremental() %}
    counted as (

        select
            built.sales_item_id,
            case
                when {{ mart_has_taken('built') }} then built.customer_key
                else built._prior_customer_key
            end as customer_key,
            case
                when {{ mart_has_taken('built') }} then built.sold_date
                else built._prior_sold_date
            end as sold_date
        from joined
        inner join {{ this }} as built on joined.sales_item_id = built.sales_item_id

    ),
{% else %}
    counted as (

        select
            null::text as sales_item_id,
            null::uuid as customer_key,
            null::date as sold_date
        where false

    ),
{% endif %}

final as (

    select
        joined.*,
        counted.customer_key as _prior_customer_key,
        counted.sold_date as _prior_sold_date
    from joined
    left join counted on joined.sales_item_id = counted.sales_item_id

)

select
    sales_item_id,
    sale_id,
    line_no,
    customer_key,
    product_key,
    customer_id,
    product_id,
    sold_at,
    sold_date,
    store_id,
    channel,
    payment_method,
    currency,
    quantity,
    unit_price,
    gross_amount,
    discount_amount,
    net_amount,
    is_return,
    _prior_customer_key,
    _prior_sold_date,
    {{ gold_load_id() }} as _load_id,
    now() as _loaded_at
from final
