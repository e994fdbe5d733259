-- A recipient's row costs one index and nothing else, because a hundred thousand are written at once. Rows are written in the
-- transaction that begins their campaign, and campaigns are never deleted. The mails of a client are found by its single ones
-- and, in the few campaigns to many, by their key.
ALTER TABLE campaign_recipients DROP CONSTRAINT campaign_recipients_campaign_key_fkey;
DROP INDEX campaign_recipients_by_client;
-- Of one mail to one client: which one.
ALTER TABLE campaigns ADD COLUMN client_key BIGINT;
UPDATE campaigns SET client_key = (SELECT r.client_key FROM campaign_recipients AS r WHERE r.campaign_key = campaigns.key)
 WHERE is_single;
ALTER TABLE campaigns DROP COLUMN is_single;
CREATE INDEX campaigns_single ON campaigns (client_key, key) WHERE client_key IS NOT NULL;
CREATE INDEX campaigns_to_many ON campaigns (practice_id, key) WHERE client_key IS NULL;
DROP INDEX campaigns_by_practice;
