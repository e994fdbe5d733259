-- Why Peppol does not concern a client, and until when; who said so stands in the change log.
ALTER TABLE clients ADD COLUMN exemption_reason TEXT CHECK (exemption_reason IN ('article_44', 'foreign_without_establishment', 'bankrupt', 'private_person', 'other'));
ALTER TABLE clients ADD COLUMN exemption_note TEXT;
ALTER TABLE clients ADD COLUMN exemption_until TEXT;
