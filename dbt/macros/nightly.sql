{#-
  The words of nightly models: tables of Gold that are built as a whole every night, as of a business date.

  A nightly model takes no increments, so it names nothing in `meta.takes` and has no row in meta.gold_state. It reads
  Gold with ref(), up to and including the business date. `meta.nightly_because` says why it cannot be built by the
  hour. The build is one transaction: the new table takes the place of the last one at its end.
-#}

{#-
  The last day that a nightly model counts, as a date: open_nightly has recorded it. No SQL asks a clock. A test names
  the model, as it is not one itself. A developer's build has the date of the live table.
-#}
{% macro business_date(model_name=none) -%}
{%- if execute and not model_name and model.resource_type == 'test' -%}
{{ exceptions.raise_compiler_error("a test names the model whose business date it asks for") }}
{%- endif -%}
meta.business_date('{{ model_name or this.identifier }}')
{%- endmacro %}

{#-
  The steps pass the date in the environment. A variable of dbt would do, but dbt parses the whole project again
  whenever one has another value: each night, and in the hour after it.
-#}
{% macro open_nightly() -%}
{%- if execute and not is_development() -%}
{%- set business_date = env_var('RETAIL_BUSINESS_DATE', '') -%}
{%- if not business_date -%}
{{ exceptions.raise_compiler_error(
    "a nightly model needs a business date: ./retail nightly, or RETAIL_BUSINESS_DATE=YYYY-MM-DD"
) }}
{%- endif -%}
select meta.open_nightly(
    '{{ this.identifier }}', {{ quoted(business_date) }}::date, {{ quoted(env_var("RETAIL_RUN_ID", invocation_id)) }}
)
{%- endif -%}
{%- endmacro %}
