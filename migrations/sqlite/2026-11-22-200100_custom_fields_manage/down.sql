DROP TABLE own_solutions;

CREATE TABLE fields_before (
    key         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          BLOB NOT NULL UNIQUE,
    practice_id BLOB NOT NULL REFERENCES practices (id),
    category_id BLOB NOT NULL REFERENCES field_categories (id),
    slug        TEXT NOT NULL,
    names       TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('text', 'long_text', 'number', 'date', 'yes_no', 'choice', 'access_point')),
    position    INTEGER NOT NULL,
    active      BOOLEAN NOT NULL,
    revision    BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    UNIQUE (practice_id, slug)
);
INSERT INTO sqlite_sequence (name, seq) SELECT 'fields_before', seq FROM sqlite_sequence WHERE name = 'fields';
-- A kind that was not known before becomes a text that is switched off, and what was archived is switched off, too.
INSERT INTO fields_before SELECT key, id, practice_id, category_id, slug, names,
    CASE WHEN kind IN ('text', 'long_text', 'number', 'date', 'yes_no', 'choice', 'access_point') THEN kind ELSE 'text' END, position,
    active AND archived_at IS NULL AND kind IN ('text', 'long_text', 'number', 'date', 'yes_no', 'choice', 'access_point'),
    revision, created_at FROM fields;

CREATE TABLE field_options_before (
    key         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          BLOB NOT NULL UNIQUE,
    practice_id BLOB NOT NULL REFERENCES practices (id),
    field_key   BIGINT NOT NULL REFERENCES fields_before (key),
    label       TEXT NOT NULL,
    label_key   TEXT NOT NULL,
    delivered   BOOLEAN NOT NULL,
    position    INTEGER NOT NULL,
    retired_at  BIGINT,
    UNIQUE (field_key, label_key)
);
INSERT INTO sqlite_sequence (name, seq) SELECT 'field_options_before', seq FROM sqlite_sequence WHERE name = 'field_options';
INSERT INTO field_options_before SELECT key, id, practice_id, field_key, label, label_key, delivered_key IS NOT NULL, position, retired_at FROM field_options;

DROP TABLE field_options;
DROP TABLE fields;
ALTER TABLE fields_before RENAME TO fields;
ALTER TABLE field_options_before RENAME TO field_options;
CREATE INDEX field_options_by_practice ON field_options (practice_id, field_key, position);
ALTER TABLE field_categories DROP COLUMN archived_at;
