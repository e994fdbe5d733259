DROP TABLE bulk_edit_chunks;
DROP TABLE bulk_edits;
