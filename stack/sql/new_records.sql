-- What one run brought. One row per layer and dataset. Bronze by its receipts: a load may span two datasets.
select
    'bronze' as layer,
    bronze_file.dataset,
    sum(bronze_file.records)::bigint as records
from meta.bronze_file
inner join meta.load on bronze_file.load_id = load.load_id
where load.run_id = %(run_id)s
group by bronze_file.dataset
union all
select
    load.layer,
    load.dataset,
    sum(load.rows_inserted + load.rows_updated)::bigint as records
from meta.load
where load.run_id = %(run_id)s and load.layer in ('silver', 'gold')
group by load.layer, load.dataset;
