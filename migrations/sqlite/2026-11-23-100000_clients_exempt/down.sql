ALTER TABLE clients DROP COLUMN exemption_until;
ALTER TABLE clients DROP COLUMN exemption_note;
ALTER TABLE clients DROP COLUMN exemption_reason;
