select
    entity,
    cursor_name,
    cursor_value
from meta.ingestion_state
order by entity;
