select
    dataset,
    count(*)::bigint as files,
    sum(records)::bigint as records,
    sum(bytes)::bigint as bytes
from meta.bronze_file
group by dataset
order by dataset;
