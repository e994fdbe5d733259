-- Clients on which an entry wrote facts that the change log does not carry: their keys, or none of them when they are many.
ALTER TABLE audit_entries ADD COLUMN touched JSONB;
CREATE INDEX audit_entries_by_version ON audit_entries (practice_id, version);
