CREATE TABLE audit_entries (
    key          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           BLOB NOT NULL UNIQUE,
    practice_id  BLOB NOT NULL,
    kind         TEXT NOT NULL,
    subject      TEXT,
    actor_kind   TEXT NOT NULL,
    actor_id     TEXT,
    actor_name   TEXT NOT NULL,
    source       TEXT NOT NULL,
    operation_id BLOB,
    version      BIGINT,
    at           BIGINT NOT NULL,
    before       TEXT,
    after        TEXT
);
CREATE INDEX audit_entries_by_practice ON audit_entries (practice_id, key);
CREATE INDEX audit_entries_by_subject ON audit_entries (practice_id, subject, key) WHERE subject IS NOT NULL;

CREATE TABLE idempotent_replies (
    practice_id  BLOB NOT NULL,
    caller       TEXT NOT NULL,
    token        TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    reply        BLOB NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (practice_id, caller, token)
) WITHOUT ROWID;
CREATE INDEX idempotent_replies_by_age ON idempotent_replies (created_at);

CREATE TABLE jobs (
    id           BLOB NOT NULL PRIMARY KEY,
    practice_id  BLOB NOT NULL, -- all zeros: the product's own work
    lane         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    dedupe_key   TEXT,
    payload      TEXT NOT NULL,
    status       TEXT NOT NULL CHECK (status IN ('pending', 'leased', 'done', 'dead')),
    priority     INTEGER NOT NULL,
    claims       BIGINT NOT NULL,
    failures     INTEGER NOT NULL,
    max_failures INTEGER NOT NULL,
    run_at       BIGINT NOT NULL,
    lease_until  BIGINT,
    leased_by    BLOB,
    started_at   BIGINT,
    finished_at  BIGINT,
    last_error   TEXT,
    created_at   BIGINT NOT NULL
);
CREATE UNIQUE INDEX jobs_once ON jobs (dedupe_key) WHERE dedupe_key IS NOT NULL;
CREATE INDEX jobs_due ON jobs (lane, practice_id, priority, run_at) WHERE status = 'pending';
CREATE INDEX jobs_leased ON jobs (leased_by, lane) WHERE status = 'leased';
CREATE INDEX jobs_done ON jobs (finished_at) WHERE status = 'done';
CREATE INDEX jobs_dead ON jobs (practice_id, finished_at, id) WHERE status = 'dead';

CREATE TABLE operations (
    id          BLOB NOT NULL PRIMARY KEY,
    practice_id BLOB NOT NULL,
    kind        TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('waiting', 'running', 'finished', 'failed')),
    done        BIGINT NOT NULL,
    total       BIGINT,
    failed      BIGINT NOT NULL,
    result      TEXT,
    problem     TEXT,
    actor_kind  TEXT NOT NULL,
    actor_id    TEXT,
    actor_name  TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE INDEX operations_by_practice ON operations (practice_id, created_at);
