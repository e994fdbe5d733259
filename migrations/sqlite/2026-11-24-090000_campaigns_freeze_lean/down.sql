CREATE INDEX campaigns_by_practice ON campaigns (practice_id, key);
DROP INDEX campaigns_to_many;
DROP INDEX campaigns_single;
ALTER TABLE campaigns ADD COLUMN is_single BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE campaigns SET is_single = client_key IS NOT NULL;
ALTER TABLE campaigns DROP COLUMN client_key;
CREATE TABLE held_recipients (
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
) WITHOUT ROWID;
INSERT INTO held_recipients SELECT * FROM campaign_recipients;
DROP TABLE campaign_recipients;
ALTER TABLE held_recipients RENAME TO campaign_recipients;
CREATE INDEX campaign_recipients_by_client ON campaign_recipients (client_key, campaign_key);
