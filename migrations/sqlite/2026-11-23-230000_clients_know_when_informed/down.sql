ALTER TABLE clients DROP COLUMN informed_at;
