{#-
  Audits: what a build finds out about the rows that it has just written, before any reader sees them.

  They run in the model's own transaction, as its last hook that reads. One of severity `error` that finds something
  rolls the build back: readers keep what they had, and the watermarks stay. One of severity `warn` is kept, and opens an
  incident (medallion/alerting/audits.py).

  A model declares them in its `.yml`, above its columns:

      config:
        meta:
          audits:
            - name: lines_are_those_of_silver   # in words, unique within the model
              kind: lines_of_sales              # a macro audit_KIND of this file
              severity: error                   # or warn

  What else an audit says are the arguments of its macro. The macro gives one row: `failures`, `audited` (rows that it
  looked at), `figure` (null: none) and `example`, a key that may be shown to every reader. It reads what the build has
  taken or written and nothing else, so that it costs what the hour brought.
-#}

{% macro audit_gold() -%}
{%- set audits = model.config.meta.get('audits', []) -%}
{%- if execute and audits and not is_development() -%}
{%- if is_incremental() -%}
with written as materialized (
    select * from {{ this }}
    where _load_id = {{ gold_load_id() }}
)
{% endif -%}
{%- for audit in audits -%}
{%- set arguments = dict(audit) -%}
{%- do [arguments.pop('name'), arguments.pop('kind'), arguments.pop('severity'), arguments.pop('says')] %}
select
    meta.record_audit(
        {{ quoted(env_var("RETAIL_RUN_ID", invocation_id)) }}, '{{ this.identifier }}', '{{ audit.name }}',
        '{{ audit.severity }}', found.failures::bigint, found.audited::bigint, found.figure::numeric, found.example::text
    )
from (
    {{ context['audit_' ~ audit.kind](**arguments) }}
) as found
{%- if not loop.last %}
union all
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{%- endmacro %}

{#- The rows that the build wrote. All audits of an increment share one look for them. -#}
{% macro written_rows() -%}
{{ 'written' if is_incremental() else this }}
{%- endmacro %}

{#- Every key that a table of Silver has newly brought has a row in the model. -#}
{% macro audit_every_key(table, key) -%}
{%- set schema, name = table.split('.') -%}
select
        count(distinct taken.{{ key }}) filter (where built.{{ key }} is null) as failures,
        count(distinct taken.{{ key }}) as audited,
        null as figure,
        min(taken.{{ key }}) filter (where built.{{ key }} is null) as example
    from (
        select {{ key }} from {{ source(schema, name) }}
        where {{ is_new(table) }}
    ) as taken
    left join {{ this }} as built on taken.{{ key }} = built.{{ key }}
{%- endmacro %}

{#-
  The fact has each line of the sales that it took, at the quantity and the amount that Silver has. An increment looks at
  each line; a build from the beginning compares counts and sums, and looks for the lines only if these differ.
-#}
{% macro audit_lines_of_sales() -%}
{%- set line, header = source('silver', 'sales_product'), source('silver', 'sales_customer') -%}
{%- set visible = is_visible('silver.sales_product', 'line') ~ " and " ~ is_visible('silver.sales_customer', 'header') -%}
{%- set differs = "(item.quantity, item.net_amount) is distinct from (line.quantity, line.quantity * line.unit_price - line.discount)" -%}
{%- if is_incremental() -%}
select
        count(*) filter (where {{ differs }}) as failures,
        count(*) as audited,
        sum(item.quantity) as figure,
        min(line.sale_id || '-' || line.line_no) filter (where {{ differs }}) as example
    from (
        select sale_id from {{ header }} where {{ is_new('silver.sales_customer') }}
        union
        select sale_id from {{ line }} where {{ is_new('silver.sales_product') }}
    ) as taken
    inner join {{ header }} as header on taken.sale_id = header.sale_id
    inner join {{ line }} as line on taken.sale_id = line.sale_id
    left join {{ this }} as item on item.sales_item_id = line.sale_id || '-' || line.line_no
    where {{ visible }}
{%- else -%}
select
        case when built.sums is distinct from taken.sums then greatest(1, abs(built.lines - taken.lines)) else 0 end
            as failures,
        taken.lines as audited,
        built.quantity as figure,
        case
            when built.sums is distinct from taken.sums then (
                select min(line.sale_id || '-' || line.line_no)
                from {{ header }} as header
                inner join {{ line }} as line on header.sale_id = line.sale_id
                left join {{ this }} as item on item.sales_item_id = line.sale_id || '-' || line.line_no
                where {{ visible }} and {{ differs }}
            )
        end as example
    from (
        select
            count(*) as lines,
            row(count(*), sum(line.quantity), sum(line.quantity * line.unit_price - line.discount)) as sums
        from {{ line }} as line
        inner join {{ header }} as header on line.sale_id = header.sale_id
        where {{ visible }}
    ) as taken
    cross join (
        select
            count(*) as lines,
            sum(quantity) as quantity,
            row(count(*), sum(quantity), sum(net_amount)) as sums
        from {{ this }}
    ) as built
{%- endif -%}
{%- endmacro %}

{#-
  The mart's lines, quantities and amounts of each day that it recomputed are those of the fact, by currency. A build
  from the beginning compares the sums of all days.
-#}
{% macro audit_figures_of_days() -%}
select
        count(*) filter (where mart.sums is distinct from fact.sums) as failures,
        coalesce(sum(fact.lines), 0) as audited,
        null as figure,
        min(concat_ws(' ', fact.sold_date, coalesce(fact.currency, mart.currency)))
            filter (where mart.sums is distinct from fact.sums) as example
    from (
        {{ sums_of_days(ref('sales_item'), 'count(*)') }}
    ) as fact
    full join (
        {{ sums_of_days(this, 'sum(line_count)::bigint') }}
    ) as mart
        on fact.currency = mart.currency and fact.sold_date is not distinct from mart.sold_date
{%- endmacro %}

{#- Lines, quantities and amounts by currency: of each day that the build recomputed, or of all days. -#}
{% macro sums_of_days(relation, lines) -%}
{%- set is_part = is_incremental() -%}
select
            currency,
            {{ 'sold_date' if is_part else 'null::date' }} as sold_date,
            {{ lines }} as lines,
            row({{ lines }}, sum(quantity)::numeric, sum(net_amount)) as sums
        from {{ relation }}
        {% if is_part -%}
        where sold_date in (
            {{ changed('sales_item', ['sold_date'], is_new('gold.sales_item')) }}
        )
        {%- endif %}
        group by currency{{ ', sold_date' if is_part }}
{%- endmacro %}

{#- No row that the build wrote points at a key that another model does not have. -#}
{% macro audit_no_orphan(column, to) -%}
select
        count(*) filter (where known.{{ column }} is null) as failures,
        count(*) as audited,
        null as figure,
        min(built.{{ column }}::text) filter (where known.{{ column }} is null) as example
    from {{ written_rows() }} as built
    left join {{ ref(to) }} as known on built.{{ column }} = known.{{ column }}
{%- endmacro %}

{#-
  The share of rows without a value has not jumped: it is not more than `jump` above the share in the builds before. A
  build of fewer than `least` rows says nothing.
-#}
{% macro audit_nulls(column, jump, least=100, builds=50) -%}
select
        case
            when written.audited >= {{ least }} and written.empty > (usual.share + {{ jump }}) * written.audited
                then written.empty
            else 0
        end as failures,
        written.audited,
        round(written.empty::numeric / nullif(written.audited, 0), 6) as figure,
        'a share of ' || round(written.empty::numeric / nullif(written.audited, 0), 3)
        || ' instead of ' || round(usual.share, 3) as example
    from (
        select
            count(*) as audited,
            count(*) filter (where {{ column }} is null) as empty
        from {{ written_rows() }}
    ) as written
    cross join (
        select coalesce(sum(earlier.measured * earlier.row_count) / nullif(sum(earlier.row_count), 0), 1) as share
        from (
            select measured, row_count
            from meta.gold_result
            where kind = 'audit' and model = '{{ this.identifier }}' and name = 'nulls_of_{{ column }}'
            order by result_id desc
            limit {{ builds }}
        ) as earlier
    ) as usual
{%- endmacro %}

{#-
  No amount that the build wrote is NaN, and no moment is infinite: Postgres lets both pass its checks and contracts, and
  one of them makes every sum that it is in useless.
-#}
{% macro audit_finite(amounts, moments, key) -%}
{%- set wrong = "coalesce(" ~ amounts | join(" = 'NaN' or ") ~ " = 'NaN', false) or not isfinite("
    ~ moments | join(") or not isfinite(") ~ ")" -%}
select
        count(*) filter (where {{ wrong }}) as failures,
        count(*) as audited,
        null as figure,
        min({{ key }}) filter (where {{ wrong }}) as example
    from {{ written_rows() }}
{%- endmacro %}
