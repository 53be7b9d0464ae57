select
    dataset,
    count(*)::bigint as files,
    sum(records)::bigint as records,
    sum(bytes)::bigint as bytes
from meta.bronze_file
where retired_at is null and expired_at is null
group by dataset
order by dataset;
