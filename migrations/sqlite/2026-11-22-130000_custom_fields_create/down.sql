DROP TABLE field_options;
DROP TABLE fields;
DROP TABLE field_categories;
