-- The operation whose work a job does, so that a dead job shows on it.
ALTER TABLE jobs ADD COLUMN operation_id BLOB;
CREATE INDEX jobs_dead_by_operation ON jobs (operation_id) WHERE status = 'dead';
