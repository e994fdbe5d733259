-- Invitations and password resets go out by mail: the token waits, sealed, until its mail is gone.
ALTER TABLE invitations ADD COLUMN invited_by TEXT NOT NULL DEFAULT '';
ALTER TABLE invitations ADD COLUMN sealed_token BYTEA;

-- One row a request, also for addresses that nobody has, so that both cost the same.
CREATE TABLE password_resets (
    id           UUID NOT NULL PRIMARY KEY,
    account_id   UUID REFERENCES accounts (id),
    token_hash   BYTEA NOT NULL UNIQUE,
    sealed_token BYTEA,
    expires_at   BIGINT NOT NULL,
    created_at   BIGINT NOT NULL
);
CREATE INDEX password_resets_by_account ON password_resets (account_id);
CREATE INDEX password_resets_by_end ON password_resets (expires_at);
