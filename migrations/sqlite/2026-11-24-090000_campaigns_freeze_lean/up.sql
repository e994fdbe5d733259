-- A recipient's row costs one index and nothing else, because a hundred thousand are written at once. Rows are written in the
-- transaction that begins their campaign, and campaigns are never deleted. The mails of a client are found by its single ones
-- and, in the few campaigns to many, by their key.
CREATE TABLE lean_recipients (
    campaign_key BIGINT NOT NULL,
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
) WITHOUT ROWID;
INSERT INTO lean_recipients SELECT * FROM campaign_recipients;
DROP TABLE campaign_recipients;
ALTER TABLE lean_recipients RENAME TO campaign_recipients;
-- Of one mail to one client: which one.
ALTER TABLE campaigns ADD COLUMN client_key BIGINT;
UPDATE campaigns SET client_key = (SELECT r.client_key FROM campaign_recipients AS r WHERE r.campaign_key = campaigns.key)
 WHERE is_single;
ALTER TABLE campaigns DROP COLUMN is_single;
CREATE INDEX campaigns_single ON campaigns (client_key, key) WHERE client_key IS NOT NULL;
CREATE INDEX campaigns_to_many ON campaigns (practice_id, key) WHERE client_key IS NULL;
DROP INDEX campaigns_by_practice;
