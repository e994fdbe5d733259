-- When a client last got a mail that informs it about Peppol.
ALTER TABLE clients ADD COLUMN informed_at BIGINT;
