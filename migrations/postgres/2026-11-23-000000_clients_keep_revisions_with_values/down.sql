ALTER TABLE clients ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE clients ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
UPDATE clients AS c SET revision = v.revision, updated_at = v.updated_at FROM client_values AS v WHERE v.client_key = c.key;
ALTER TABLE clients ALTER COLUMN revision DROP DEFAULT;
ALTER TABLE clients ALTER COLUMN updated_at DROP DEFAULT;
ALTER TABLE client_values DROP COLUMN revision;
ALTER TABLE client_values DROP COLUMN updated_at;
