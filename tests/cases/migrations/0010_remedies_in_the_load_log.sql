-- name: before
insert into meta.load (run_id, layer, dataset, status, ended_at, error_message, error_type, exit_code)
values ('r', 'bronze', 'sales', 'FAILED', now(), 'status 401 — set SOURCE_API_KEY', 'SourceRefused', 4);

-- name: a_failed_load_of_before_keeps_its_words
select
    count(*) = 1 and bool_and(
        error_message = 'status 401 — set SOURCE_API_KEY' and error_type = 'SourceRefused' and exit_code = 4
        and remedy is null
    )
from meta.load;
