select layer, dataset, error_message
from meta.load
where run_id = %(run_id)s and status = 'FAILED'
order by load_id;
