-- name: before
insert into meta.incident_message (dag_id, run_id, cause_key, untold)
values ('retail_etl_hourly', 'one', 'the source is down', '{email, webhook}');

-- name: what_was_to_be_sent_still_is
select array_agg(pending_channels::text) = array['{email,webhook}'] from meta.incident_message;
