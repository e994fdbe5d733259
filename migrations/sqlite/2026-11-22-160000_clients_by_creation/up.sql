-- For lists by creation and for the export, which pages by it so that a rename loses no row.
CREATE INDEX clients_by_creation ON clients (practice_id, key);
