ALTER TABLE practices DROP COLUMN fields_version;
