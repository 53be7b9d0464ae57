select count(*) as rejected
from meta.rejected_record
where status = 'OPEN';
