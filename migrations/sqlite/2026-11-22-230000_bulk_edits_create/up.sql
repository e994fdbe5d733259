CREATE TABLE bulk_edits (
    key                INTEGER PRIMARY KEY AUTOINCREMENT,
    id                 BLOB NOT NULL UNIQUE,
    practice_id        BLOB NOT NULL REFERENCES practices (id),
    status             TEXT NOT NULL CHECK (status IN ('previewed', 'applying', 'applied', 'undoing', 'undone')),
    selection          TEXT NOT NULL,
    assignments        TEXT NOT NULL,
    plan               TEXT NOT NULL,
    selected           BIGINT NOT NULL,
    to_change          BIGINT NOT NULL,
    refused            BIGINT NOT NULL,
    as_of              BIGINT NOT NULL,
    overwrites         BOOLEAN NOT NULL,
    application_id     BLOB,
    undo_id            BLOB,
    changed            BIGINT NOT NULL,
    skipped            BIGINT NOT NULL,
    restored           BIGINT NOT NULL,
    kept               BIGINT NOT NULL,
    actor_kind         TEXT NOT NULL,
    actor_id           TEXT,
    actor_name         TEXT NOT NULL,
    created_at         BIGINT NOT NULL,
    applied_at         BIGINT,
    undone_at          BIGINT
);
CREATE INDEX bulk_edits_by_practice ON bulk_edits (practice_id, key);
CREATE INDEX bulk_edits_by_age ON bulk_edits (status, created_at);

-- A piece of the selection: which clients are to change, and what became of each that did not.
CREATE TABLE bulk_edit_chunks (
    edit_key       BIGINT NOT NULL REFERENCES bulk_edits (key) ON DELETE CASCADE,
    number         BIGINT NOT NULL,
    clients        TEXT NOT NULL,
    refused        TEXT NOT NULL,
    entry_key      BIGINT,
    skipped        TEXT,
    undo_entry_key BIGINT,
    kept           TEXT,
    PRIMARY KEY (edit_key, number)
) WITHOUT ROWID;
