DROP INDEX jobs_dead_by_operation;
ALTER TABLE jobs DROP COLUMN operation_id;
