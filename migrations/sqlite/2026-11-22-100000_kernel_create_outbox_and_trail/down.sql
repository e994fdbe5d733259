DROP TABLE operations;
DROP TABLE jobs;
DROP TABLE idempotent_replies;
DROP TABLE audit_entries;
