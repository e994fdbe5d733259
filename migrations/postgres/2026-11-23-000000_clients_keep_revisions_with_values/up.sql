-- A change of custom values writes one narrow row and no longer the wide one of the card as well.
ALTER TABLE client_values ADD COLUMN revision BIGINT;
ALTER TABLE client_values ADD COLUMN updated_at BIGINT;
UPDATE client_values AS v SET revision = c.revision, updated_at = c.updated_at FROM clients AS c WHERE c.key = v.client_key;
ALTER TABLE client_values ALTER COLUMN revision SET NOT NULL;
ALTER TABLE client_values ALTER COLUMN updated_at SET NOT NULL;
ALTER TABLE clients DROP COLUMN revision;
ALTER TABLE clients DROP COLUMN updated_at;
