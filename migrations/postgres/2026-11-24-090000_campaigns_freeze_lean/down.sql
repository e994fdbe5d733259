CREATE INDEX campaigns_by_practice ON campaigns (practice_id, key);
DROP INDEX campaigns_to_many;
DROP INDEX campaigns_single;
ALTER TABLE campaigns ADD COLUMN is_single BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE campaigns SET is_single = client_key IS NOT NULL;
ALTER TABLE campaigns ALTER COLUMN is_single DROP DEFAULT;
ALTER TABLE campaigns DROP COLUMN client_key;
CREATE INDEX campaign_recipients_by_client ON campaign_recipients (client_key, campaign_key);
ALTER TABLE campaign_recipients ADD FOREIGN KEY (campaign_key) REFERENCES campaigns (key);
