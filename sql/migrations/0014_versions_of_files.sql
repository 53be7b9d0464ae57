-- Whether Silver has every version that a file holds, of tables that keep versions (silver_tables.sql). A file that an
-- earlier version of the platform took has none: the next load of the table reads it again.

alter table meta.bronze_file add column has_versions boolean not null default false;

-- Rows of a listing by id never change: there are no versions of them.
update meta.bronze_file as landed
set has_versions = true
from meta.dataset
inner join meta.entity using (entity)
where landed.dataset = dataset.dataset and entity.ordered_by = 'id' and landed.silver_load_id is not null;

create index bronze_file_without_versions on meta.bronze_file (dataset, load_id, part)
where silver_load_id is not null and not has_versions;
