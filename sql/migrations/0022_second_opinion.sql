-- The second opinion on anomalies: the store-days that general detectors find most unusual, and how the night went.

create table gold.kpi_second_opinion (
    sold_date date not null,
    store_id integer not null,
    currency text not null,
    rank integer not null unique check (rank > 0),
    score numeric not null check (score between 0 and 1),
    detectors text not null,
    why text not null,
    agrees boolean not null,
    run_id text not null,
    judged_at timestamptz not null default clock_timestamp(),
    primary key (sold_date, store_id, currency)
);

-- One row.
create table meta.second_opinion (
    is_last boolean primary key default true check (is_last),
    status text not null check (status in ('given', 'learning', 'skipped')),
    last_date date,
    says text not null,
    run_id text not null,
    judged_at timestamptz not null default clock_timestamp()
);
