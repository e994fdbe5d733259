DROP TABLE import_findings;
DROP TABLE import_chunks;
DROP TABLE imports;
