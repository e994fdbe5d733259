ALTER TABLE field_categories ADD COLUMN archived_at BIGINT;

-- SQLite cannot change a CHECK: both tables are made anew, the options with theirs because they name the fields' rows.
CREATE TABLE fields_anew (
    key          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB NOT NULL UNIQUE,
    practice_id  BLOB NOT NULL REFERENCES practices (id),
    category_id  BLOB NOT NULL REFERENCES field_categories (id),
    slug         TEXT NOT NULL,
    names        TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('text', 'long_text', 'number', 'amount', 'date', 'yes_no', 'choice', 'multi_choice', 'member', 'client', 'link', 'document', 'access_point')),
    former_kinds TEXT NOT NULL,
    position     INTEGER NOT NULL,
    active       BOOLEAN NOT NULL,
    archived_at  BIGINT,
    revision     BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    UNIQUE (practice_id, slug)
);
-- The numbers go on where they were: the change log numbers fixed fields below 1000, and no number comes twice.
INSERT INTO sqlite_sequence (name, seq) SELECT 'fields_anew', seq FROM sqlite_sequence WHERE name = 'fields';
INSERT INTO fields_anew SELECT key, id, practice_id, category_id, slug, names, kind, '[]', position, active, NULL, revision, created_at FROM fields;

CREATE TABLE field_options_anew (
    key           INTEGER PRIMARY KEY AUTOINCREMENT,
    id            BLOB NOT NULL UNIQUE,
    practice_id   BLOB NOT NULL REFERENCES practices (id),
    field_key     BIGINT NOT NULL REFERENCES fields_anew (key),
    label         TEXT NOT NULL,
    label_key     TEXT NOT NULL,
    labels        TEXT NOT NULL,
    delivered_key TEXT,
    position      INTEGER NOT NULL,
    retired_at    BIGINT,
    revision      BIGINT NOT NULL,
    UNIQUE (field_key, label_key),
    UNIQUE (field_key, delivered_key)
);
INSERT INTO sqlite_sequence (name, seq) SELECT 'field_options_anew', seq FROM sqlite_sequence WHERE name = 'field_options';
-- Nobody could rename an option so far, so the folded label is the one that was delivered.
INSERT INTO field_options_anew SELECT key, id, practice_id, field_key, label, label_key, '{}', CASE WHEN delivered THEN label_key END, position, retired_at, 1 FROM field_options;

DROP TABLE field_options;
DROP TABLE fields;
ALTER TABLE fields_anew RENAME TO fields;
ALTER TABLE field_options_anew RENAME TO field_options;
CREATE INDEX field_options_by_practice ON field_options (practice_id, field_key, position);

CREATE TABLE own_solutions (
    practice_id    BLOB NOT NULL PRIMARY KEY REFERENCES practices (id),
    receive_option BIGINT REFERENCES field_options (key),
    send_option    BIGINT REFERENCES field_options (key),
    seat_ids       TEXT NOT NULL,
    revision       BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);
