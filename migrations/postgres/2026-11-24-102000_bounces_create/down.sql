DROP TABLE bounce_mailboxes;
