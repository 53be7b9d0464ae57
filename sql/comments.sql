-- What each table and column holds. Applied with every change of sql/, so edit comments in this file.

comment on schema gold is 'Dimensions, facts and marts, built and tested by dbt.';
comment on schema meta is 'Watermarks, file receipts, the load log and quarantine.';
comment on schema silver is 'Typed copy of the source: one row per natural key, newest version.';

comment on table meta.accepted_difference is 'Accepted differences from the source. One row per record '
'and figures of both sides: other figures are another difference.';
comment on column meta.accepted_difference.source_checksum is 'Of the record at the source; null: the source does '
'not have it.';
comment on column meta.accepted_difference.silver_checksum is 'Of the record in Silver; null: Silver does not have it.';

comment on table meta.applied_schema is 'One row: which version of sql/ was applied last, for which roles.';

comment on table meta.bronze_file is 'Receipts. One row per Bronze file; a file without a row is never read.';
comment on column meta.bronze_file.path is 'Relative to BRONZE_URL.';
comment on column meta.bronze_file.cursor_after is 'Position before this part, of a pull or of a range of a '
'backfill; null: a pull from the beginning.';
comment on column meta.bronze_file.silver_load_id is 'Load that took the file into Silver; null: none yet.';
comment on column meta.bronze_file.retired_at is 'Since when the file is no longer read: it is damaged, and a later '
'full refresh has landed its records again.';
comment on column meta.bronze_file.expired_at is 'Since when the file is no longer read: it was older than '
'BRONZE_RETENTION_DAYS, and its records are in Silver.';
comment on column meta.bronze_file.has_versions is 'Silver has every version in it. False for a taken file: it was '
'taken before versions were kept, and was not read again since.';
comment on column meta.bronze_file.removed_at is 'When the expired file was removed.';

comment on table meta.dataset is 'One row per dataset of Bronze and table of Silver, with the source entity whose '
'records it holds. A receipt of any other dataset is refused.';
comment on column meta.dataset.personal_columns is 'Columns that identify a person: hidden from retail_reader in '
'this table, in all of Gold and in undeclared tables of Silver. Null: the dataset was never declared, so its columns '
'are hidden by their names.';

comment on table meta.entity is 'One row per source entity, including those that this version no longer declares.';
comment on column meta.entity.ordered_by is 'How the source lists it: by id, so that ids which a pull passes over are '
'gaps, or by updated_at, so that a changed record is listed again.';

comment on table meta.gold_result is 'What dbt and the audits have found. One row per model, test and audit of every '
'run; older rows are removed after RESULT_RETENTION_DAYS.';
comment on column meta.gold_result.step is 'The step that ran it; null: an audit, which its model''s build ran.';
comment on column meta.gold_result.kind is 'model, test or audit.';
comment on column meta.gold_result.model is 'The model it belongs to; null: none.';
comment on column meta.gold_result.status is 'PASS; WARN: found something, the build was published; FAIL: a test or an '
'audit found something; ERROR: it could not be run; SKIPPED: what it reads has failed.';
comment on column meta.gold_result.failures is 'Rows that a test or an audit has found.';
comment on column meta.gold_result.measured is 'What an audit has measured, such as a share; null: nothing.';
comment on column meta.gold_result.row_count is 'Rows that a model has written, or that an audit has looked at.';
comment on column meta.gold_result.message is 'What is wrong; null: nothing.';

comment on table meta.gold_rebuild is 'At most one row: a request to build Gold from the beginning. Written before the '
'first model is built, removed after the last, so that the next run completes a rebuild that was killed.';
comment on column meta.gold_rebuild.token is 'Random, new with each request: a run removes only the request it read.';
comment on column meta.gold_rebuild.core_token is 'The request that the core was last built for; null: none yet.';

comment on table meta.gold_state is 'What Gold has taken. One row per reader (a dbt model, or dbt_test) and '
'table it reads: one watermark per table, never a maximum over several. Under core_test, the build of each core table '
'on which the tests of core have passed.';
comment on column meta.gold_state.load_id is 'Rows of source_table with _load_id up to this one are taken.';
comment on column meta.gold_state.through_load_id is 'Upper bound of the build in progress; null: none.';

comment on table meta.holiday is 'Public holidays of the countries where stores are, by the library holidays. One '
'row per country and day. Every build of the nightly tables writes them again.';
comment on column meta.holiday.country is 'ISO 3166-1 alpha-2 code.';
comment on column meta.holiday.name is 'Name in English; several on one day are separated by "; ".';

comment on table meta.incident is 'Incidents. One row per incident: opened by the first failure of a task, repeats are '
'counted in it, closed by the task''s next success. At most one is open for a task of a DAG.';
comment on column meta.incident.task_id is 'The task; run: the entire run, such as one that is late or missing.';
comment on column meta.incident.times is 'Failures so far. A failure that is reported twice counts once.';
comment on column meta.incident.run_id is 'The last run that failed; try_number and load_id are of that run.';
comment on column meta.incident.load_id is 'The last load of the step in that run; null: it had none yet.';
comment on column meta.incident.remedy is 'What fixes it, with the command.';
comment on column meta.incident.message_id is 'The message that reports it, with the others of its run and cause.';

comment on table meta.incident_message is 'Messages about incidents. One row per run and cause: sent when the first '
'task of the run fails by that cause, and again when the last of its incidents is closed.';
comment on column meta.incident_message.cause_key is 'Hash of the error''s type and message, without what differs '
'between tasks of the same cause.';
comment on column meta.incident_message.pending_channels is 'Channels (email, webhook) that have not taken the last '
'message yet: it is sent again with the next failure or success of one of its tasks.';
comment on column meta.incident_message.sender is 'The process that is sending it, since claimed_at; null: none. A '
'claim that is too old was left by a process that died.';

comment on table meta.ingestion_state is 'Watermark. One row per source entity; moves only in the '
'transaction that writes the last of the receipts it covers.';
comment on column meta.ingestion_state.cursor_value is 'Cursor after the last record that is in a receipted '
'Bronze file; null: nothing pulled yet.';
comment on column meta.ingestion_state.epoch is 'Fencing token: raised by each run that takes the entity. '
'A run whose epoch is no longer current cannot move the watermark.';

comment on table meta.load is 'ETL log. One row per load: what one step of a run did to one entity, dataset or model. '
'Ids are assigned under the lock of the dataset, so within one table load ids commit in order.';
comment on column meta.load.error_message is 'What went wrong, as text for operators; for loads older than the column '
'remedy, with the remedy.';
comment on column meta.load.error_type is 'Type of the error that failed the load; null: it did not fail, or its '
'process ended before it could write one.';
comment on column meta.load.remedy is 'What to do about it, as text for operators; null: the error names none.';
comment on column meta.load.exit_code is 'Exit code of a command that ends with this error.';

comment on table meta.lookback_page is 'The last pages of a listing that is ordered by updated_at. The next pull reads '
'them again, because a change may commit late or share its updated_at with one already read. One row per page.';
comment on column meta.lookback_page.cursor_before is 'Cursor of the request for the page; null: from the beginning.';
comment on column meta.lookback_page.newest_at is 'Newest updated_at of the page; null: the page was held back, since '
'a record in it is dated in the future.';
comment on column meta.lookback_page.digests is 'First 16 bytes of the sha256 of each record: a record that has landed '
'is not landed again.';

comment on table meta.migration is 'Migrations that were applied to this warehouse. One row per file of '
'sql/migrations.';
comment on column meta.migration.sha256 is 'Of the file as it was applied: a file that differs now is refused.';

comment on table gold.kpi_anomaly is 'KPIs that were not where their own past says. One row per slice of the sales, '
'direction and beginning.';
comment on column gold.kpi_anomaly.level is 'total, channel, store or category.';
comment on column gold.kpi_anomaly.member is 'The channel, the number of the store or the category; empty: a total.';
comment on column gold.kpi_anomaly.direction is 'above or below what was expected.';
comment on column gold.kpi_anomaly.status is 'open; ended: the last day was as expected; suppressed: the pipeline was '
'late or wrong then, so the figures may be.';
comment on column gold.kpi_anomaly.grain is 'hour or day: the points in which it is clearest.';
comment on column gold.kpi_anomaly.metric is 'The metric in which it is clearest, as dbt/models/metrics.yml names it.';
comment on column gold.kpi_anomaly.other_metrics is 'The other metrics that are off, separated by commas.';
comment on column gold.kpi_anomaly.observed is 'The metric over the whole time.';
comment on column gold.kpi_anomaly.expected is 'What it should be, by its own past and by its neighbors.';
comment on column gold.kpi_anomaly.lower_bound is 'Below this it is an anomaly.';
comment on column gold.kpi_anomaly.upper_bound is 'Above this it is an anomaly.';
comment on column gold.kpi_anomaly.effect is 'How far off, as a share of what was expected: -0.4 is 40 % below.';
comment on column gold.kpi_anomaly.amount is 'How much money that is, about, in the currency of the row.';
comment on column gold.kpi_anomaly.score is 'How far off, in deviations of the series'' own past residuals.';
comment on column gold.kpi_anomaly.explanation is 'What happened, in words.';
comment on column gold.kpi_anomaly.suppressed_because is 'Why the figures may be wrong; null: nothing speaks against '
'them.';

comment on table meta.kpi_judgement is 'Until when the KPIs were judged. One row per grain, hour or day.';
comment on column meta.kpi_judgement.judged_until is 'End of the last point that was judged; null: not enough history.';
comment on column meta.kpi_judgement.says is 'The same in words, or why nothing was judged.';

comment on table gold.kpi_second_opinion is 'Days of stores of the last week that IsolationForest and ECOD both find '
'unusual. One row per day, store and currency; replaced every night.';
comment on column gold.kpi_second_opinion.sold_date is 'Day of the sales in UTC.';
comment on column gold.kpi_second_opinion.rank is '1: the most unusual day.';
comment on column gold.kpi_second_opinion.score is 'Share of the store-days of the last 90 days that are less unusual, '
'as the mean over the detectors.';
comment on column gold.kpi_second_opinion.detectors is 'The detectors that agree, separated by commas.';
comment on column gold.kpi_second_opinion.why is 'The figures that make the day unusual, strongest first, each next to '
'the median of the last eight same weekdays.';
comment on column gold.kpi_second_opinion.agrees is 'Whether gold.kpi_anomaly had an anomaly of that store and day in '
'that night.';

comment on table meta.second_opinion is 'How the last night of the second opinion went. One row.';
comment on column meta.second_opinion.status is 'given; learning: too little history; skipped: its environment is not '
'made.';
comment on column meta.second_opinion.last_date is 'The last day that the last opinion looked at.';
comment on column meta.second_opinion.says is 'The same in words.';

comment on table meta.delivery is 'Files that people handed over. One row per file and content, each time that it was '
'new or refused.';
comment on column meta.delivery.name is 'Name of the file in the inbox of its entity.';
comment on column meta.delivery.period is 'Period in the name of the file: a later file for it replaces its rows.';
comment on column meta.delivery.status is 'LANDED: its rows are in Bronze. LOADED: they are in Silver. REFUSED: '
'nothing of it is in Silver. SUPERSEDED: a later file for the period has replaced it.';
comment on column meta.delivery.path is 'Its rows in Bronze; null: it has none.';
comment on column meta.delivery.row_count is 'Rows of data.';
comment on column meta.delivery.cell_count is 'Filled cells of these rows, under headers that are declared.';
comment on column meta.delivery.other_cell_count is 'Filled cells of these rows, under other headers.';
comment on column meta.delivery.notes is 'What its sender should know although nothing was wrong.';
comment on column meta.delivery.checked_at is 'When its cells were last found in Silver and quarantine, all of them.';
comment on column meta.delivery.returned_sha256 is 'Content of the marked copy that went back to its sender.';
comment on column meta.delivery.returned_at is 'When that copy went back.';
comment on table meta.inbox_file is 'Files that the inbox held when it was last looked at, each with its content.';
comment on column meta.delivery.reason is 'Why it was refused.';
comment on column meta.delivery.remedy is 'What its sender can do.';

comment on table meta.anomaly_verdict is 'What people say of anomalies. One row per verdict; the last one counts.';
comment on column meta.anomaly_verdict.verdict is 'fault: something was wrong; ok: nothing was.';

comment on table meta.nightly_build is 'Nightly tables of Gold. One row per table: what it was last built for.';
comment on column meta.nightly_build.business_date is 'The last day whose sales the table counts (UTC).';
comment on column meta.nightly_build.load_id is 'The load of that build.';

comment on table meta.reconciliation is 'Control totals. One row per check and dataset: sales with ids above '
'after_id, up to and including up_to_id, or records of a listing, at the source and in each layer.';
comment on column meta.reconciliation.bronze_count is 'Records of receipted files; a record that was pulled '
'twice counts twice.';
comment on column meta.reconciliation.status is 'BALANCED: every layer equals the source''s totals. EXPLAINED: what '
'differs is late, in quarantine or accepted, each counted here. DIFFERENT: anything else; the run failed. UNCHECKED: '
'the source offers no totals. Earlier versions wrote LATE and ACCEPTED for EXPLAINED.';
comment on column meta.reconciliation.late_count is 'Records of the source that are not in Silver yet, and that the '
'next pull asks for. Negative: records that changed at the source and so left the compared range of updated_at.';
comment on column meta.reconciliation.rejected_count is 'Records of the source that Silver lacks because they are in '
'quarantine. In rows older than the status EXPLAINED: all records in quarantine.';
comment on column meta.reconciliation.accepted_count is 'Records at the source less records in Silver, of differences '
'that were accepted (meta.accepted_difference).';
comment on column meta.reconciliation.updated_after is 'Listings: records changed after this time were '
'compared; null: all of them.';
comment on column meta.reconciliation.updated_up_to is 'Listings: the newest change in Silver then.';
comment on column meta.reconciliation.is_settled is 'Whether later checks of what is new may skip this part.';

comment on table meta.new_field is 'Fields that a source sends and no declaration names. One row per dataset and '
'field, which is never removed: a field is reported once. No value of it is kept here.';
comment on column meta.new_field.field is 'Path in the record that the source lists, such as lines[].note; characters '
'without a visible shape are escapes, and a long name is cut.';
comment on column meta.new_field.json_type is 'JSON type of its first value.';
comment on column meta.new_field.first_seen_at is 'When the file with its first value landed in Bronze.';
comment on column meta.new_field.path is 'That file.';
comment on column meta.new_field.line_no is 'Line of that file.';

comment on table meta.rejected_record is 'Quarantine. One row per record that Silver refused; path and '
'line_no point at it in Bronze.';
comment on column meta.rejected_record.raw is 'The line as it is in Bronze, byte for byte: it may not be '
'valid text.';
comment on column meta.rejected_record.record_key is 'Natural key of the record, as far as it can be read: null where '
'a part of it cannot be read, null as a whole when the line is not a JSON object.';
comment on column meta.rejected_record.sale_id is 'Sale of a header or a line; null when it cannot be read, and for '
'records of a listing.';
comment on column meta.rejected_record.accepted_at is 'When a retry accepted this record into Silver, although it was '
'dated in the future when its file landed: a rebuild of Silver from Bronze accepts it too.';

comment on table meta.replay is 'Full refreshes: pulls of all history, from the source''s beginning. One row per full '
'refresh. At most one is open per entity: the next pull resumes it.';
comment on column meta.replay.cursor_value is 'Cursor after the last record that has landed again.';
comment on column meta.replay.cursor_end is 'Where it ends: the watermark when it began. Null: at the source''s end.';

comment on table meta.sale_repair is 'Sales that were pulled again to replace what Silver had. One row per sale and '
'load of Bronze: what older loads brought of the sale no longer counts.';
comment on column meta.sale_repair.load_id is 'The Bronze load that landed the sale again.';
comment on column meta.sale_repair.header_load_id is 'The Silver load that replaced the header; null: none yet.';
comment on column meta.sale_repair.lines_load_id is 'The Silver load that replaced the lines; null: none yet.';

comment on table meta.backfill_range is 'Ranges of a backfill in progress, both ends included; empty otherwise. '
'The watermark of the entity passes a range when that range and all before it are finished.';
comment on column meta.backfill_range.cursor_value is 'Last id of the range that is in a receipted Bronze file; '
'null: none yet.';
comment on column meta.backfill_range.epoch is 'Fencing token: raised by each process that takes the range.';
comment on column meta.backfill_range.load_id is 'Load of the process that took the range last.';
comment on column meta.backfill_range.cursor_taken is 'Position of the range when that process took it: the process''s '
'speed is measured from here.';
comment on column meta.backfill_range.advanced_at is 'When a process last took the range or moved its position: a '
'process that holds the range and does not move it has stopped.';

comment on table meta.gap is 'Ids that a pull of an entity passed over. One row per range, both ends included; '
'every run asks for OPEN ranges again.';
comment on column meta.gap.known is 'Records inside the range that have landed. 0: no id of the range has landed.';
comment on column meta.gap.known_ids is 'Their ids, as compressed differences '
'(medallion/state/gaps.py). Null: none, or the range has expired.';
comment on column meta.gap.first_seen_at is 'When a pull first passed over the range, by the warehouse''s clock. '
'Its age counts from here, whatever time a record claims.';
comment on column meta.gap.status is 'OPEN: may still come. FILLED: came, is in Bronze. EXPIRED: asked '
'for until SALES_GAP_TTL_HOURS were over, counts as never used. WITHDRAWN: landed, and the source no longer has it.';

comment on table meta.source_identity is 'The source that an entity is pulled from, by its X-Source-Id. A '
'pull from another source stops before it writes anything.';
comment on column meta.source_identity.is_accepted is 'An operator has accepted the next source that answers: it need '
'not know any record, until some of its own have landed.';

comment on table meta.source_sample is 'Fingerprints of the records that landed last. A source that knows none of '
'them is another source. One row per record.';
comment on column meta.source_sample.lasting is 'Digest of the fields of a record that never change.';

comment on table meta.unreadable_record is 'Records without a readable id that have landed: each lands once, however '
'often its position is read again. One row per record.';
