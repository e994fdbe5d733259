CREATE TABLE imports (
    id              BLOB NOT NULL PRIMARY KEY,
    practice_id     BLOB NOT NULL REFERENCES practices (id),
    operation_id    BLOB UNIQUE,
    status          TEXT NOT NULL CHECK (status IN ('uploading', 'waiting', 'running', 'clearing', 'finished', 'failed')),
    dry_run         BOOLEAN NOT NULL,
    mapping         TEXT NOT NULL,
    file_name       TEXT,
    encoding        TEXT,
    column_fields   TEXT NOT NULL,
    unknown_columns TEXT NOT NULL,
    done_line       BIGINT NOT NULL,
    row_count       BIGINT NOT NULL,
    accepted        BIGINT NOT NULL,
    created         BIGINT NOT NULL,
    changed         BIGINT NOT NULL,
    unchanged       BIGINT NOT NULL,
    rejected        BIGINT NOT NULL,
    actor_kind      TEXT NOT NULL,
    actor_id        TEXT,
    actor_name      TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    finished_at     BIGINT
);
CREATE INDEX imports_uploading ON imports (practice_id, created_at) WHERE status = 'uploading';

CREATE TABLE import_chunks (
    import_id BLOB NOT NULL REFERENCES imports (id),
    number    INTEGER NOT NULL,
    bytes     BLOB NOT NULL,
    PRIMARY KEY (import_id, number)
);

CREATE TABLE import_findings (
    key         INTEGER PRIMARY KEY AUTOINCREMENT,
    import_id   BLOB NOT NULL REFERENCES imports (id),
    weight      TEXT NOT NULL CHECK (weight IN ('rejected', 'note')),
    line        BIGINT NOT NULL,
    column_name TEXT NOT NULL,
    code        TEXT NOT NULL,
    reason      TEXT NOT NULL,
    params      TEXT NOT NULL
);
CREATE INDEX import_findings_in_order ON import_findings (import_id, key);
