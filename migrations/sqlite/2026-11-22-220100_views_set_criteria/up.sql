-- A filter tree: the category concerns the clients that meet it, or all of them.
ALTER TABLE field_categories ADD COLUMN criteria TEXT;
