-- For SQLite alone, where client_values had an index besides its rows; a migration must not be empty.
SELECT 1;
