DROP INDEX audit_entries_by_version;
ALTER TABLE audit_entries DROP COLUMN touched;
