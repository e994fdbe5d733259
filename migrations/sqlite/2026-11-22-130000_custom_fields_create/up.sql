CREATE TABLE field_categories (
    id          BLOB NOT NULL PRIMARY KEY,
    practice_id BLOB NOT NULL REFERENCES practices (id),
    slug        TEXT NOT NULL,
    names       TEXT NOT NULL,
    position    INTEGER NOT NULL,
    active      BOOLEAN NOT NULL,
    in_lists    BOOLEAN NOT NULL,
    revision    BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    UNIQUE (practice_id, slug)
);

CREATE TABLE fields (
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
-- The change log numbers fixed fields below 1000.
INSERT INTO sqlite_sequence (name, seq) VALUES ('fields', 999);

CREATE TABLE field_options (
    key         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          BLOB NOT NULL UNIQUE,
    practice_id BLOB NOT NULL REFERENCES practices (id),
    field_key   BIGINT NOT NULL REFERENCES fields (key),
    label       TEXT NOT NULL,
    label_key   TEXT NOT NULL,
    delivered   BOOLEAN NOT NULL,
    position    INTEGER NOT NULL,
    retired_at  BIGINT,
    UNIQUE (field_key, label_key)
);
CREATE INDEX field_options_by_practice ON field_options (practice_id, field_key, position);
