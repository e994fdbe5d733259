-- The version at which the practice's categories, fields or options last changed.
ALTER TABLE practices ADD COLUMN fields_version BIGINT NOT NULL DEFAULT 0;
