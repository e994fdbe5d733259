ALTER TABLE clients ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE clients ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
UPDATE clients SET (revision, updated_at) = (SELECT v.revision, v.updated_at FROM client_values AS v WHERE v.client_key = clients.key);
ALTER TABLE client_values DROP COLUMN revision;
ALTER TABLE client_values DROP COLUMN updated_at;
