-- The business date that each nightly table of Gold was last built for.

create table meta.nightly_build (
    model text not null primary key,
    business_date date not null,
    load_id bigint not null references meta.load
);
