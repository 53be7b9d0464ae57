-- Public holidays of the countries where the stores are: the build of the nightly tables writes them.

create table meta.holiday (
    country text not null,
    date_day date not null,
    name text not null,
    primary key (country, date_day)
);
