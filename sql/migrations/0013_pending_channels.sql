-- The channels that have not taken a message are named for what they are.

alter table meta.incident_message rename column untold to pending_channels;
alter index meta.incident_message_untold rename to incident_message_pending;
