-- What dbt and the audits have found: one row per model, test and audit of every run.

create table meta.gold_result (
    result_id bigint generated always as identity primary key,
    run_id text not null,
    step text,
    kind text not null check (kind in ('model', 'test', 'audit')),
    name text not null,
    model text,
    status text not null check (status in ('PASS', 'WARN', 'FAIL', 'ERROR', 'SKIPPED')),
    failures bigint,
    measured numeric,
    row_count bigint,
    seconds numeric(12, 3),
    message text,
    recorded_at timestamptz not null default clock_timestamp()
);

create index gold_result_of_a_run on meta.gold_result (run_id);
create index gold_result_by_name on meta.gold_result (kind, model, name, result_id);
create index gold_result_by_time on meta.gold_result (recorded_at);
