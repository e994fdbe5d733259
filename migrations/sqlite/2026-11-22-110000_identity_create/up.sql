CREATE TABLE practices (
    id                BLOB NOT NULL PRIMARY KEY,
    name              TEXT NOT NULL,
    world             TEXT NOT NULL CHECK (world IN ('test', 'live')),
    time_zone         TEXT NOT NULL,
    language          TEXT NOT NULL,
    enterprise_number TEXT,
    version           BIGINT NOT NULL,
    revision          BIGINT NOT NULL,
    created_at        BIGINT NOT NULL
);

CREATE TABLE accounts (
    id            BLOB NOT NULL PRIMARY KEY,
    email         TEXT NOT NULL,
    email_key     TEXT NOT NULL CONSTRAINT accounts_email_taken UNIQUE,
    name          TEXT NOT NULL,
    language      TEXT NOT NULL,
    password_hash TEXT,
    created_at    BIGINT NOT NULL
);

CREATE TABLE members (
    id          BLOB NOT NULL PRIMARY KEY,
    practice_id BLOB NOT NULL REFERENCES practices (id),
    account_id  BLOB NOT NULL REFERENCES accounts (id),
    role        TEXT NOT NULL CHECK (role IN ('owner', 'manager', 'staff', 'reader')),
    revision    BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    UNIQUE (practice_id, account_id)
);
CREATE INDEX members_by_account ON members (account_id);

CREATE TABLE sessions (
    id               BLOB NOT NULL PRIMARY KEY,
    account_id       BLOB NOT NULL REFERENCES accounts (id),
    practice_id      BLOB NOT NULL REFERENCES practices (id),
    token_hash       BLOB NOT NULL UNIQUE,
    label            TEXT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    created_at       BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    last_used_at     BIGINT NOT NULL
);
CREATE INDEX sessions_by_account ON sessions (account_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE invitations (
    id         BLOB NOT NULL PRIMARY KEY,
    member_id  BLOB NOT NULL REFERENCES members (id) ON DELETE CASCADE,
    token_hash BLOB NOT NULL UNIQUE,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX invitations_by_member ON invitations (member_id);

CREATE TABLE sign_in_failures (
    key BLOB NOT NULL,
    at  BIGINT NOT NULL,
    PRIMARY KEY (key, at)
) WITHOUT ROWID;

CREATE TABLE api_keys (
    id           BLOB NOT NULL PRIMARY KEY,
    practice_id  BLOB NOT NULL REFERENCES practices (id),
    name         TEXT NOT NULL,
    token_hash   BLOB NOT NULL UNIQUE,
    hint         TEXT NOT NULL,
    scopes       TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    last_used_at BIGINT
);
CREATE INDEX api_keys_by_practice ON api_keys (practice_id, id);
