-- Filters that name an option that was merged away mean the one that its clients have now.
ALTER TABLE field_options ADD COLUMN merged_into BIGINT;
