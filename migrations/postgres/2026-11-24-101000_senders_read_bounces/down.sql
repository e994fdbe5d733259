ALTER TABLE senders DROP COLUMN bounce_secrets;
ALTER TABLE senders DROP COLUMN bounces;
