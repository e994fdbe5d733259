ALTER TABLE campaign_recipients DROP COLUMN bounce;
