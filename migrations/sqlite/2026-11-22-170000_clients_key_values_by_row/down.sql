CREATE TABLE values_by_index (
    client_key  BIGINT NOT NULL PRIMARY KEY REFERENCES clients (key),
    practice_id BLOB NOT NULL,
    vals        TEXT NOT NULL,
    prov        TEXT NOT NULL
);
INSERT INTO values_by_index SELECT client_key, practice_id, vals, prov FROM client_values;
DROP TABLE client_values;
ALTER TABLE values_by_index RENAME TO client_values;
CREATE INDEX client_values_by_practice ON client_values (practice_id, client_key);
