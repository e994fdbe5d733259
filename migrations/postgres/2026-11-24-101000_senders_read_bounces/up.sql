-- The mailbox that a sender's mails come back to, and what is secret of it.
ALTER TABLE senders ADD COLUMN bounces JSONB;
ALTER TABLE senders ADD COLUMN bounce_secrets BYTEA;
