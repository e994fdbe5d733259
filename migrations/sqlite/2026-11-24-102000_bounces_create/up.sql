-- How far each mailbox that mails come back to has been read. Its identifier is that of the sender, or nothing but zeros for the
-- installation's, which belongs to no practice.
CREATE TABLE bounce_mailboxes (
    id           BLOB NOT NULL PRIMARY KEY,
    practice_id  BLOB REFERENCES practices (id),
    -- Where it is, whose it is and which folder: another place begins anew.
    place        TEXT NOT NULL,
    -- What the keys of its mails are valid for (RFC 3501, 2.3.1.1), and the last one that was read.
    uid_validity BIGINT,
    last_uid     BIGINT NOT NULL,
    read_at      BIGINT,
    -- What went wrong at the last try, and how often in a row.
    fault        TEXT,
    faults       INTEGER NOT NULL,
    -- When it is to be read next.
    due_at       BIGINT NOT NULL
);
