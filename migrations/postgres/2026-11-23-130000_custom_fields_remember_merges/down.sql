ALTER TABLE field_options DROP COLUMN merged_into;
