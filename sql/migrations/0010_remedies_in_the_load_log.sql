-- What to do about a failed load, in a column of its own. Until now it stood at the end of error_message. Loads of
-- before keep it there: to cut it off again would mean to read text that is written for people.

alter table meta.load add column remedy text;
