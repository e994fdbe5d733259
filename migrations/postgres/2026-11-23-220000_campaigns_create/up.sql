-- Mails to many clients, with a row for each client of the audience: the ledger says what became of each mail.
CREATE TABLE campaigns (
    key             BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id              UUID NOT NULL UNIQUE,
    practice_id     UUID NOT NULL REFERENCES practices (id),
    name            TEXT NOT NULL,
    status          TEXT NOT NULL,
    is_single       BOOLEAN NOT NULL,
    purpose         TEXT NOT NULL,
    mode            TEXT NOT NULL,
    template_id     UUID NOT NULL,
    sender_id       UUID,
    selection       JSONB NOT NULL,
    in_doubt        TEXT NOT NULL,
    pause_share     INTEGER NOT NULL,
    per_minute      INTEGER,
    scheduled_at    BIGINT,
    root_id         UUID,
    -- What it began with: texts, who it is from, whether it informs clients about Peppol.
    content         JSONB,
    sender          JSONB,
    informs         BOOLEAN NOT NULL,
    audience        BIGINT NOT NULL,
    operation_id    UUID,
    -- The number of its present job, and how often in a row its server could not be used.
    turn            BIGINT NOT NULL,
    faults          INTEGER NOT NULL,
    paused_for      JSONB,
    -- Since when failures count towards its pause: it began, or somebody resumed it.
    watched_from    BIGINT NOT NULL,
    -- When the next mail may go at its own rate.
    next_mail_at    BIGINT NOT NULL,
    revision        BIGINT NOT NULL,
    actor_kind      TEXT NOT NULL,
    actor_id        TEXT,
    actor_name      TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    dispatched_at   BIGINT,
    finished_at     BIGINT
);
CREATE INDEX campaigns_by_practice ON campaigns (practice_id, key);
CREATE TABLE campaign_recipients (
    campaign_key BIGINT NOT NULL REFERENCES campaigns (key),
    client_key   BIGINT NOT NULL,
    -- The client whose mail it is: another one where several share a mailbox and get one mail.
    leader_key   BIGINT NOT NULL,
    status       TEXT NOT NULL,
    address      TEXT,
    contact      TEXT,
    role         TEXT,
    language     TEXT NOT NULL,
    reason       TEXT NOT NULL,
    attempts     INTEGER NOT NULL,
    -- When a waiting one may go, and until when one that is being sent is believed to be.
    due_at       BIGINT NOT NULL,
    words        TEXT,
    settled_at   BIGINT,
    -- The client's card says that it was informed.
    is_traced    BOOLEAN NOT NULL,
    PRIMARY KEY (campaign_key, client_key)
) WITH (fillfactor = 70);
CREATE INDEX campaign_recipients_by_client ON campaign_recipients (client_key, campaign_key);
-- Addresses that get no mail, or none that is marketing.
CREATE TABLE suppressions (
    practice_id UUID NOT NULL REFERENCES practices (id),
    address_key TEXT COLLATE "C" NOT NULL,
    address     TEXT NOT NULL,
    scope       TEXT NOT NULL,
    reason      TEXT NOT NULL,
    note        TEXT,
    actor_kind  TEXT NOT NULL,
    actor_id    TEXT,
    actor_name  TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (practice_id, address_key)
);
-- How much a sender has sent lately, where it has limits: when its next mail may go, and how many went on a day.
CREATE TABLE sender_quotas (
    practice_id  UUID NOT NULL REFERENCES practices (id),
    sender_id    UUID NOT NULL,
    next_mail_at BIGINT NOT NULL,
    day          TEXT NOT NULL,
    sent         BIGINT NOT NULL,
    PRIMARY KEY (practice_id, sender_id)
);
