-- What one entry changes on many clients is found by the entry. In the index by client, which is spread over the whole table, it
-- cost as much as the changes themselves.
ALTER TABLE changes ADD COLUMN at_once BOOLEAN NOT NULL DEFAULT FALSE;
DROP INDEX changes_by_client;
CREATE INDEX changes_by_client ON changes (client_key, entry_key) WHERE NOT at_once;
ALTER TABLE audit_entries ADD COLUMN at_once BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX audit_entries_at_once ON audit_entries (practice_id, key) WHERE at_once;

-- Which of many clients are archived is asked for every bulk edit.
CREATE INDEX clients_archived ON clients (practice_id, key) WHERE archived_at IS NOT NULL;
