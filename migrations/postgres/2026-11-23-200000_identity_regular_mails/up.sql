-- Which regular mails a member wants, by name; nothing until the member has said so.
ALTER TABLE members ADD COLUMN mails JSONB;
