-- What tests/catalog.py asks: each statement gives lines of text. Columns go by name: their order says in which order
-- they came, and nothing asks for it.

-- name: schemas
select format('schema %s owner %s acl %s', nspname, pg_get_userbyid(nspowner), nspacl)
from pg_namespace
where nspname in ('meta', 'silver', 'gold')

-- name: relations
select format(
    'relation %s kind %s persistence %s owner %s options %s acl %s',
    oid::regclass, relkind, relpersistence, pg_get_userbyid(relowner), reloptions,
    (select array_agg(one::text order by one::text) from unnest(relacl) as one)
)
from pg_class
where relnamespace in ('meta'::regnamespace, 'silver'::regnamespace)

-- name: columns
select format(
    'column %s.%s %s not null %s identity %s default %s acl %s',
    attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
    pg_get_expr(adbin, adrelid), (select array_agg(one::text order by one::text) from unnest(attacl) as one)
)
from pg_attribute
inner join pg_class on pg_class.oid = attrelid
left join pg_attrdef on adrelid = attrelid and adnum = attnum
where
    relnamespace in ('meta'::regnamespace, 'silver'::regnamespace)
    and relkind in ('r', 'v') and attnum > 0 and not attisdropped

-- name: constraints
select format('constraint %s of %s: %s', conname, conrelid::regclass, pg_get_constraintdef(oid))
from pg_constraint
where connamespace in ('meta'::regnamespace, 'silver'::regnamespace)

-- name: indexes
select format('index: %s', indexdef) from pg_indexes where schemaname in ('meta', 'silver')

-- name: views
select format('view %s: %s', oid::regclass, pg_get_viewdef(oid))
from pg_class
where relkind = 'v' and relnamespace in ('meta'::regnamespace, 'silver'::regnamespace)

-- name: functions
select format(
    'function %s owner %s acl %s: %s',
    oid::regprocedure, pg_get_userbyid(proowner),
    (select array_agg(one::text order by one::text) from unnest(proacl) as one), pg_get_functiondef(oid)
)
from pg_proc
where pronamespace in ('meta'::regnamespace, 'silver'::regnamespace)

-- name: comments
select format('comment on %s: %s', pg_describe_object(classoid, objoid, objsubid), description)
from pg_description
where objoid in (
    select oid from pg_class where relnamespace in ('meta'::regnamespace, 'silver'::regnamespace)
    union all
    select oid from pg_proc where pronamespace in ('meta'::regnamespace, 'silver'::regnamespace)
    union all
    select oid from pg_constraint where connamespace in ('meta'::regnamespace, 'silver'::regnamespace)
    union all
    select oid from pg_namespace where nspname in ('meta', 'silver', 'gold')
)
