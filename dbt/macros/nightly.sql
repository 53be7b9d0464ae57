{#-
  The words of nightly models: tables of Gold that are built as a whole every night, as of a business date.

  A nightly model takes no increments, so it names nothing in `meta.takes` and has no row in meta.gold_state. It reads
  Gold with ref(), up to and including the business date. `meta.nightly_because` says why it cannot be built by the
  hour. The build is one transaction: the new table takes the place of the last one at its end.
-#}

{#-
  The last day that a nightly model counts, as a date. The steps pass it in as a variable: no SQL asks a clock. Without
  the variable a model compiles, for the documentation, but is not built.
-#}
{% macro business_date() -%}
cast({{ quoted(var('business_date')) if var('business_date') else 'null' }} as date)
{%- endmacro %}

{% macro open_nightly() -%}
{%- if execute -%}
{%- if not var('business_date') -%}
{{ exceptions.raise_compiler_error(
    "a nightly model needs a business date: ./retail nightly, or --vars '{business_date: YYYY-MM-DD}'"
) }}
{%- endif -%}
select meta.open_nightly(
    '{{ this.identifier }}', {{ business_date() }}, {{ quoted(env_var("RETAIL_RUN_ID", invocation_id)) }}
)
{%- endif -%}
{%- endmacro %}
