DROP INDEX clients_archived;
DROP INDEX audit_entries_at_once;
ALTER TABLE audit_entries DROP COLUMN at_once;
DROP INDEX changes_by_client;
ALTER TABLE changes DROP COLUMN at_once;
CREATE INDEX changes_by_client ON changes (client_key, entry_key);
