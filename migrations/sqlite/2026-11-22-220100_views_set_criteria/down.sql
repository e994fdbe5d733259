ALTER TABLE field_categories DROP COLUMN criteria;
