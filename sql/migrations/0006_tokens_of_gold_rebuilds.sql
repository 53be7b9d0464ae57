-- A wish for a rebuild is a token: each time Gold is to be built from the beginning there is a new one, and a run takes
-- away only the one that it has built core and mart for.

alter table meta.gold_rebuild add column if not exists token uuid not null default gen_random_uuid();
alter table meta.gold_rebuild add column if not exists core_token uuid;
