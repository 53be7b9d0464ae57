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
              says: Every line is there            # for `./retail audits` and the data dictionary
              kind: lines_of_sales              # a macro audit_KIND of this file
              severity: error                   # or warn

  What else an audit says are the arguments of its macro. The macro gives one row: `failures`, `audited` (rows that it
  looked at), `figure` (null: none) and `example`, a key that may be shown to every reader. It reads what the build has
  taken or written and nothing else, so that it costs what the hour brought. What it has to know of the rows that were
  written it asks of `looks`: one look at them answers all audits of a model (see `seen`).
-#}

{#-
  The audits of an increment, as a hook after it. A complete build is audited by `audit_built`, before its table takes the
  place of the one that readers have: from there to the commit they wait.
-#}
{% macro audit_increment() -%}
{%- if execute and is_incremental() -%}
{%- set found = findings(this) -%}
{%- if found %}
{{ recorded() }},
    set_config('retail.rows_written', written::text, true)
from (
    {{ found }}
) as finding
order by number
{%- endif -%}
{%- endif -%}
{%- endmacro %}

{#-
  The audits of a complete build, in `relation`. Not in one statement with the record, which no parallel plan may have:
  between the two is a table that no other session ever sees, as not every database lets the role make temporary ones.
-#}
{% macro audit_built(relation) -%}
{%- set found = findings(relation) -%}
{%- set between = relation.schema ~ '.' ~ this.identifier ~ '__audited' -%}
{%- if found %}

select set_config('retail.audited_at', clock_timestamp()::text, true);
create unlogged table {{ between }} as
{{ found }};
{{ recorded() }}
from {{ between }}
order by number;
drop table {{ between }};
{%- endif -%}
{%- endmacro %}

{#- One of severity `error` raises. For close_gold, an increment leaves how many rows it has written. -#}
{% macro recorded() -%}
select
    meta.record_audit(
        {{ quoted(env_var("RETAIL_RUN_ID", invocation_id)) }}, '{{ this.identifier }}', name, severity, failures, audited,
        figure, example
    )
{%- endmacro %}

{#- What the audits of the model find in its rows: one look at those that the build wrote, then a row for each audit. -#}
{% macro findings(relation) -%}
{%- set audits = model.config.meta.get('audits', []) -%}
{%- if audits and not is_development() -%}
{%- set looks = {'relation': relation, 'aggregates': ['count(*) as row_count'], 'joins': []} -%}
{%- set found = [] -%}
{%- for audit in audits -%}
{%- set arguments = dict(audit) -%}
{%- if audit.severity not in ['error', 'warn'] -%}
{{ exceptions.raise_compiler_error("audit " ~ audit.name ~ ": its severity is error or warn, not " ~ audit.severity) }}
{%- endif -%}
{%- do looks.update(audit=arguments.pop('name')) -%}
{%- do [arguments.pop('kind'), arguments.pop('severity'), arguments.pop('says', none)] -%}
{%- set finding -%}
    select
        {{ loop.index }} as number,
        '{{ audit.name }}' as name,
        '{{ audit.severity }}' as severity,
        found.failures::bigint,
        found.audited::bigint,
        found.figure::numeric,
        found.example::text,
        (select looked.row_count from looked) as written
    from (
        {{ context['audit_' ~ audit.kind](looks, **arguments) }}
    ) as found
{%- endset -%}
{%- do found.append(finding) -%}
{%- endfor -%}
with looked as materialized (
    select
        {{ looks.aggregates | join(',\n        ') }}
    from {{ relation }} as built
    {{ looks.joins | join('\n    ') }}
    {% if is_incremental() -%}
    where built._load_id = {{ gold_load_id() }}
    {%- endif %}
)

{{ found | join('\n    union all\n') }}
{%- endif -%}
{%- endmacro %}

{#- The column of `looked` with this aggregate over the rows that the build wrote, which are `built`. -#}
{% macro seen(looks, aggregate) -%}
{%- set name = 'seen_' ~ looks.aggregates | length -%}
{%- do looks.aggregates.append(aggregate ~ ' as ' ~ name) -%}
{{ name }}
{%- endmacro %}

{#- Every key that a table of Silver has newly brought has a row in the model. -#}
{% macro audit_every_key(looks, table, key) -%}
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
    left join {{ looks.relation }} as built on taken.{{ key }} = built.{{ key }}
{%- endmacro %}

{#-
  The fact has each line of the sales that it took, at the quantity and the amount that Silver has. An increment looks at
  each line; a build from the beginning compares counts and sums, and looks for the lines only if these differ.
-#}
{% macro audit_lines_of_sales(looks) -%}
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
    left join {{ looks.relation }} as item on item.sales_item_id = line.sale_id || '-' || line.line_no
    where {{ visible }}
{%- else -%}
{%- set quantity = seen(looks, 'sum(built.quantity)') -%}
{%- set sums = 'row(looked.row_count, looked.' ~ quantity ~ ', looked.' ~ seen(looks, 'sum(built.net_amount)') ~ ')' -%}
select
        wrong.lines as failures,
        taken.lines as audited,
        looked.{{ quantity }} as figure,
        wrong.example
    from looked
    cross join (
        select
            count(*) as lines,
            row(count(*), sum(line.quantity), sum(line.quantity * line.unit_price - line.discount)) as sums
        from {{ line }} as line
        inner join {{ header }} as header on line.sale_id = header.sale_id
        where {{ visible }}
    ) as taken
    -- Reads nothing while the sums agree. A line that a load has changed since the build read it is the next build's.
    cross join lateral (
        select
            count(*) as lines,
            min(coalesce(item.sales_item_id, line.sale_id || '-' || line.line_no)) as example
        from {{ line }} as line
        inner join {{ header }} as header on line.sale_id = header.sale_id
        full join {{ looks.relation }} as item on item.sales_item_id = line.sale_id || '-' || line.line_no
        where
            {{ sums }} is distinct from taken.sums
            and {{ differs }}
            and coalesce({{ visible }}, true)
    ) as wrong
{%- endif -%}
{%- endmacro %}

{#-
  The mart's lines, quantities and amounts of each day that it recomputed are those of the fact, by currency. A build
  from the beginning compares the sums of all days. `audited` are days and currencies.
-#}
{% macro audit_figures_of_days(looks) -%}
select
        count(*) filter (where mart.sums is distinct from fact.sums) as failures,
        count(*) as audited,
        null as figure,
        min(concat_ws(' ', fact.sold_date, coalesce(fact.currency, mart.currency)))
            filter (where mart.sums is distinct from fact.sums) as example
    from (
        {{ sums_of_days(ref('sales_item'), 'count(*)') }}
    ) as fact
    full join (
        {{ sums_of_days(looks.relation, 'sum(line_count)::bigint') }}
    ) as mart
        on fact.currency = mart.currency and fact.sold_date is not distinct from mart.sold_date
{%- endmacro %}

{#- Lines, quantities, gross and net amounts and cost by currency: of each day that the build recomputed, or of all days. -#}
{% macro sums_of_days(relation, lines) -%}
{%- set is_part = is_incremental() -%}
select
            currency,
            {{ 'sold_date' if is_part else 'null::date' }} as sold_date,
            row({{ lines }}, sum(quantity)::numeric, sum(gross_amount), sum(net_amount), coalesce(sum(cost_amount), 0))
                as sums
        from {{ relation }}
        {% if is_part -%}
        where sold_date in (
            {{ changed('sales_item', ['sold_date'], is_new('gold.sales_item')) }}
        )
        {%- endif %}
        group by currency{{ ', sold_date' if is_part }}
{%- endmacro %}

{#- A table of events has the amounts of the fact, up to the business date and by currency. -#}
{% macro audit_figures_up_to_the_date(looks) -%}
select
        count(*) filter (where built.sums is distinct from fact.sums) as failures,
        count(*) as audited,
        null as figure,
        min(coalesce(fact.currency, built.currency)) filter (where built.sums is distinct from fact.sums) as example
    from (
        select
            currency,
            row({{ figure('net_amount') }}, {{ figure('margin_amount') }}) as sums
        from {{ ref('sales_item') }}
        where sold_date <= {{ business_date() }}
        group by currency
    ) as fact
    full join (
        select
            currency,
            row({{ figure('net_amount') }}, sum(margin_amount)) as sums
        from {{ looks.relation }}
        where currency is not null
        group by currency
    ) as built on fact.currency = built.currency
{%- endmacro %}

{#- The rows that the build wrote of which `is_wrong` is true, with the least `key` of one, in words. -#}
{% macro rows_that_are(looks, is_wrong, key) -%}
select
        {{ seen(looks, 'count(*) filter (where ' ~ is_wrong ~ ')') }} as failures,
        row_count as audited,
        null as figure,
        {{ seen(looks, "min('" ~ key ~ " ' || built." ~ key ~ ') filter (where ' ~ is_wrong ~ ')') }} as example
    from looked
{%- endmacro %}

{#- No row that the build wrote points at a key that another model does not have. `key` names the row in words. -#}
{% macro audit_no_orphan(looks, column, to, key) -%}
{%- do looks.joins.append('left join ' ~ ref(to) ~ ' as ' ~ to ~ ' on built.' ~ column ~ ' = ' ~ to ~ '.' ~ column) -%}
{{ rows_that_are(looks, to ~ '.' ~ column ~ ' is null', key) }}
{%- endmacro %}

{#-
  The share of rows without a value has not jumped: it is not more than `jump` above the share in the builds before. A
  build of fewer than `least` rows has found out nothing: it neither warns nor ends a warning.
-#}
{% macro audit_nulls(looks, column, jump, least=100, builds=50) -%}
{%- set empty = seen(looks, 'count(*) filter (where built.' ~ column ~ ' is null)') -%}
{%- set share = 'looked.' ~ empty ~ '::numeric / nullif(looked.row_count, 0)' -%}
select
        case
            when looked.row_count >= {{ least }} and looked.{{ empty }} > (usual.share + {{ jump }}) * looked.row_count
                then looked.{{ empty }}
            else 0
        end as failures,
        case when looked.row_count >= {{ least }} then looked.row_count else 0 end as audited,
        round({{ share }}, 6) as figure,
        'a share of ' || round({{ share }}, 3) || ' instead of ' || round(usual.share, 3) as example
    from looked
    cross join (
        select coalesce(sum(earlier.measured * earlier.row_count) / nullif(sum(earlier.row_count), 0), 1) as share
        from (
            select measured, row_count
            from meta.gold_result
            where kind = 'audit' and model = '{{ this.identifier }}' and name = '{{ looks.audit }}'
            order by result_id desc
            limit {{ builds }}
        ) as earlier
    ) as usual
{%- endmacro %}

{#-
  No amount that the build wrote is NaN, and no moment is infinite: Postgres lets both pass its checks and contracts, and
  one of them makes every sum that it is in useless.
-#}
{% macro audit_finite(looks, key, amounts=[], moments=[]) -%}
{%- set wrong = [] -%}
{%- for one in amounts %}{% do wrong.append("coalesce(built." ~ one ~ " = 'NaN', false)") %}{% endfor -%}
{%- for one in moments %}{% do wrong.append("not coalesce(isfinite(built." ~ one ~ "), true)") %}{% endfor -%}
{{ rows_that_are(looks, wrong | join(' or '), key) }}
{%- endmacro %}
