-- A change of custom values writes one narrow row and no longer the wide one of the card as well. What changes comes before the
-- documents, so that it is read without them.
CREATE TABLE values_with_revisions (
    client_key  INTEGER PRIMARY KEY REFERENCES clients (key),
    practice_id BLOB NOT NULL,
    revision    BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    vals        TEXT NOT NULL,
    prov        TEXT NOT NULL
);
INSERT INTO values_with_revisions
    SELECT v.client_key, v.practice_id, c.revision, c.updated_at, v.vals, v.prov
    FROM client_values AS v JOIN clients AS c ON c.key = v.client_key ORDER BY v.client_key;
DROP TABLE client_values;
ALTER TABLE values_with_revisions RENAME TO client_values;
CREATE INDEX client_values_by_practice ON client_values (practice_id, client_key);
ALTER TABLE clients DROP COLUMN revision;
ALTER TABLE clients DROP COLUMN updated_at;
