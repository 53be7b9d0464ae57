-- Fields that a source sends and no declaration names: each once, with when and where it was first seen.

create table meta.new_field (
    dataset text not null references meta.dataset (dataset),
    field text not null,
    json_type text not null,
    first_seen_at timestamptz not null,
    path text not null,
    line_no bigint not null,
    primary key (dataset, field)
);
