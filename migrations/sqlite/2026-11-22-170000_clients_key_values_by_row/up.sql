-- Only a column of the type INTEGER is the key of the rows themselves; BIGINT had an index beside them.
CREATE TABLE values_by_key (
    client_key  INTEGER PRIMARY KEY REFERENCES clients (key),
    practice_id BLOB NOT NULL,
    vals        TEXT NOT NULL,
    prov        TEXT NOT NULL
);
INSERT INTO values_by_key SELECT client_key, practice_id, vals, prov FROM client_values;
DROP TABLE client_values;
ALTER TABLE values_by_key RENAME TO client_values;
CREATE INDEX client_values_by_practice ON client_values (practice_id, client_key);
