-- Files that mails carry: each is kept once in a practice, by the SHA-256 of what is in it, in pieces.
CREATE TABLE attached_files (
    practice_id BLOB NOT NULL REFERENCES practices (id),
    digest      BLOB NOT NULL,
    octets      BIGINT NOT NULL,
    -- When somebody last brought it.
    brought_at  BIGINT NOT NULL,
    PRIMARY KEY (practice_id, digest)
);
CREATE TABLE attached_pieces (
    practice_id BLOB NOT NULL,
    digest      BLOB NOT NULL,
    number      INTEGER NOT NULL,
    bytes       BLOB NOT NULL,
    PRIMARY KEY (practice_id, digest, number),
    FOREIGN KEY (practice_id, digest) REFERENCES attached_files (practice_id, digest) ON DELETE CASCADE
);
-- What a template had attached at a version, in its order; without a language for mails in all of them.
CREATE TABLE template_attachments (
    template_id BLOB NOT NULL,
    number      BIGINT NOT NULL,
    place       INTEGER NOT NULL,
    practice_id BLOB NOT NULL REFERENCES practices (id),
    id          BLOB NOT NULL,
    name        TEXT NOT NULL,
    language    TEXT,
    media_type  TEXT NOT NULL,
    digest      BLOB NOT NULL,
    octets      BIGINT NOT NULL,
    PRIMARY KEY (template_id, number, place),
    FOREIGN KEY (template_id, number) REFERENCES template_versions (template_id, number)
);
CREATE INDEX template_attachments_by_file ON template_attachments (practice_id, digest);
-- What a campaign began with.
CREATE TABLE campaign_attachments (
    campaign_key BIGINT NOT NULL REFERENCES campaigns (key),
    place        INTEGER NOT NULL,
    practice_id  BLOB NOT NULL REFERENCES practices (id),
    id           BLOB NOT NULL,
    name         TEXT NOT NULL,
    language     TEXT,
    media_type   TEXT NOT NULL,
    digest       BLOB NOT NULL,
    octets       BIGINT NOT NULL,
    PRIMARY KEY (campaign_key, place)
);
CREATE INDEX campaign_attachments_by_file ON campaign_attachments (practice_id, digest);
