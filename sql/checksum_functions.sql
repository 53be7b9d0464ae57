-- Functions for checksums of Silver's rows, equal to those in the source's totals. The checksum function of each table
-- is in silver_tables.sql.
--
-- The contract's formula (docs/architecture.md, "Totals"); quality/checksum.py is the same in Python. Function bodies
-- are strings and not parsed statements, so that the type of a column they use can be changed.

create or replace function meta.text_checksum(fields text)
returns bigint
language sql
stable
parallel safe
as $$
    select ('x' || left(md5(convert_to(fields, 'UTF8')), 15))::bit(60)::bigint
$$;

comment on function meta.text_checksum is 'The first 60 bits of the MD5 of a text.';

create or replace function meta.moment_text(moment timestamptz)
returns text
language sql
stable
parallel safe
as $$
    select to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

comment on function meta.moment_text is 'A timestamp as text for checksums: in UTC, with six decimals.';
