-- Anomalies of the KPIs: what was found, until when each grain was judged, and what people have said of it.

create table gold.kpi_anomaly (
    anomaly_id bigint generated always as identity primary key,
    currency text not null,
    level text not null check (level in ('total', 'channel', 'store', 'category')),
    member text not null,
    direction text not null check (direction in ('above', 'below')),
    started_at timestamptz not null,
    ended_at timestamptz not null check (ended_at > started_at),
    status text not null check (status in ('open', 'ended', 'suppressed')),
    grain text not null check (grain in ('hour', 'day')),
    metric text not null,
    other_metrics text not null,
    observed numeric not null,
    expected numeric not null,
    lower_bound numeric not null,
    upper_bound numeric not null,
    effect numeric not null,
    amount numeric(38, 2) not null,
    score numeric not null,
    explanation text not null,
    suppressed_because text,
    run_id text not null,
    judged_at timestamptz not null default clock_timestamp(),
    check ((status = 'suppressed') = (suppressed_because is not null))
);

-- Late lines may move the first hour of an anomaly: it is known by its day.
create unique index kpi_anomaly_known_by
on gold.kpi_anomaly (((started_at at time zone 'UTC')::date), currency, level, member, direction);
create index kpi_anomaly_by_end on gold.kpi_anomaly (ended_at);

create table meta.kpi_judgement (
    grain text primary key check (grain in ('hour', 'day')),
    judged_until timestamptz,
    says text not null,
    run_id text not null,
    judged_at timestamptz not null default clock_timestamp()
);

-- By what an anomaly is, and not by its id: a later judgement of the same hours gives it another one.
create table meta.anomaly_verdict (
    verdict_id bigint generated always as identity primary key,
    currency text not null,
    level text not null,
    member text not null,
    direction text not null,
    started_at timestamptz not null,
    verdict text not null check (verdict in ('fault', 'ok')),
    note text not null,
    given_by text not null,
    given_at timestamptz not null default clock_timestamp()
);

create index anomaly_verdict_of
on meta.anomaly_verdict (((started_at at time zone 'UTC')::date), currency, level, member, direction);
