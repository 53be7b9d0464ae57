-- The audits of a Gold model: what its build found out about its own rows, before any reader sees them.
-- A model declares them (`meta.audits`), its last hooks run them (dbt/macros/audits.sql).

-- Records one audit of a build. One of severity `error` that found failures raises, which rolls the build back: readers
-- keep the rows they had, and the model has taken nothing.
create or replace function meta.record_audit(
    run text, model_name text, audit_name text, severity text, failures bigint, audited bigint,
    figure numeric, example text
)
returns bigint
language plpgsql
as $$
declare
    is_clean constant boolean := record_audit.failures = 0;
    finding constant text := concat_ws(
        ', ', format('%s of %s rows', record_audit.failures, audited), 'such as ' || example
    );
    -- Audits of a model follow each other in one message to the server.
    began constant timestamptz := coalesce(
        nullif(current_setting('retail.audited_at', true), '')::timestamptz, statement_timestamp()
    );
    recorded bigint;
begin
    if severity is distinct from 'warn' and not is_clean then
        raise exception 'audit % of % failed: %', audit_name, model_name, finding using errcode = 'RA001';
    end if;
    insert into meta.gold_result (run_id, kind, name, model, status, failures, measured, row_count, seconds, message)
    values (
        run, 'audit', audit_name, model_name, case when is_clean then 'PASS' else 'WARN' end,
        record_audit.failures, figure, audited, extract(epoch from clock_timestamp() - began),
        case when not is_clean then finding end
    )
    returning result_id into recorded;
    perform set_config('retail.audited_at', clock_timestamp()::text, true);
    return recorded;
end
$$;

comment on function meta.record_audit is 'Records an audit of a build of a Gold model; raises if it failed.';
