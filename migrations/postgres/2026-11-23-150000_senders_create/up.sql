-- Who mails come from. One that is deleted keeps its row without server and secrets, because mails name it.
CREATE TABLE senders (
    id           UUID NOT NULL PRIMARY KEY,
    practice_id  UUID NOT NULL REFERENCES practices (id),
    name         TEXT NOT NULL,
    from_name    TEXT NOT NULL,
    from_address TEXT,
    reply_to     TEXT,
    signatures   JSONB NOT NULL,
    server       JSONB,
    secrets      BYTEA,
    per_minute   INTEGER,
    per_day      INTEGER,
    is_default   BOOLEAN NOT NULL,
    tested_at    BIGINT,
    revision     BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    deleted_at   BIGINT
);
CREATE INDEX senders_by_practice ON senders (practice_id, id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX senders_default ON senders (practice_id) WHERE is_default;
