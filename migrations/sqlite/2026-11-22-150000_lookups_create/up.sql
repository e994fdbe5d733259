-- The newest answer of the network for each participant that anybody has asked about, and nothing more: what a practice
-- has seen stands in registrations.
CREATE TABLE participants (
    world               TEXT NOT NULL CHECK (world IN ('test', 'live')),
    identifier          TEXT NOT NULL,
    state               TEXT CHECK (state IN ('registered', 'cannot_receive', 'not_registered')),
    cause               TEXT,
    access_point_seat   TEXT,
    access_point_name   TEXT,
    details             TEXT,
    document_types_hash BLOB,
    answered_at         BIGINT,  -- when the answer above was asked for
    failure             TEXT,    -- why the newest look-up told nothing; NULL when it told something
    asked_at            BIGINT,  -- when the newest look-up was made
    absent_since        BIGINT,  -- the first of the unbroken answers that it is not on the network
    night_asked_at      BIGINT,  -- when a night last asked
    canary              BOOLEAN NOT NULL,
    tries               INTEGER NOT NULL,
    next_try_at         BIGINT,  -- when the open round asks (again); NULL when it has no question left
    PRIMARY KEY (identifier, world)
) WITHOUT ROWID;
CREATE INDEX participants_first ON participants (world, canary, identifier) WHERE next_try_at IS NOT NULL AND tries = 0;
CREATE INDEX participants_again ON participants (world, next_try_at) WHERE next_try_at IS NOT NULL AND tries > 0;

-- Access points register the same list for all their clients: each list is kept once, under its SHA-256.
CREATE TABLE document_type_lists (
    hash           BLOB NOT NULL PRIMARY KEY,
    document_types TEXT NOT NULL
) WITHOUT ROWID;

-- The newest service metadata as they came, deflated, for the signature in them.
CREATE TABLE raw_answers (
    world      TEXT NOT NULL,
    identifier TEXT NOT NULL,
    hash       BLOB NOT NULL,
    body       BLOB,
    kept_at    BIGINT NOT NULL,
    PRIMARY KEY (world, identifier)
);

-- The identifiers of each client and what the practice has seen of them.
CREATE TABLE registrations (
    client_key          BIGINT NOT NULL,
    identifier          TEXT NOT NULL,
    practice_id         BLOB NOT NULL,
    position            INTEGER, -- in the order of asking; NULL when the card no longer gives this identifier
    state               TEXT CHECK (state IN ('registered', 'cannot_receive', 'not_registered')),
    cause               TEXT,
    access_point_seat   TEXT,
    access_point_name   TEXT,
    details             TEXT,
    document_types_hash BLOB,
    since               BIGINT, -- since when the practice sees this state at this access point
    checked_at          BIGINT, -- when the network last told something
    failure             TEXT,
    unknown_since       BIGINT,
    PRIMARY KEY (client_key, identifier)
) WITHOUT ROWID;
CREATE INDEX registrations_by_practice ON registrations (practice_id, client_key);

CREATE TABLE registration_moves (
    key         INTEGER PRIMARY KEY AUTOINCREMENT,
    practice_id BLOB NOT NULL,
    client_key  BIGINT NOT NULL,
    identifier  TEXT NOT NULL,
    at          BIGINT NOT NULL,
    source      TEXT NOT NULL, -- the night or check that saw it, or the held change that was accepted
    old_state   TEXT,
    old_seat    TEXT,
    old_name    TEXT,
    new_state   TEXT NOT NULL,
    new_seat    TEXT,
    new_name    TEXT
);
CREATE INDEX registration_moves_by_client ON registration_moves (client_key, key);

-- One walk through the participants of a world, for the nights that belong to it.
CREATE TABLE rounds (
    id             BLOB NOT NULL PRIMARY KEY,
    world          TEXT NOT NULL,
    began_at       BIGINT NOT NULL,
    fresh_from     BIGINT NOT NULL, -- what a night has asked since then is not asked again
    ends_at        BIGINT NOT NULL, -- what is not answered by then stays as it was
    turn           BIGINT NOT NULL, -- the one job that may take the round on; jobs with another number are void
    step           BIGINT NOT NULL, -- the fencing token: whoever writes for an older step is overtaken
    touched_at     BIGINT NOT NULL, -- when somebody last worked on it
    sleeping_until BIGINT,          -- when the next step is due; NULL while somebody works
    paused_until   BIGINT,
    pauses         INTEGER NOT NULL,
    finished_at    BIGINT
);
CREATE UNIQUE INDEX rounds_open ON rounds (world) WHERE finished_at IS NULL;

CREATE TABLE nights (
    id             BLOB NOT NULL PRIMARY KEY,
    practice_id    BLOB NOT NULL REFERENCES practices (id),
    round_id       BLOB NOT NULL REFERENCES rounds (id),
    local_date     TEXT NOT NULL,
    ordinal        INTEGER NOT NULL, -- 0 for the night itself, more for those started by hand afterwards
    phase          TEXT NOT NULL CHECK (phase IN ('planning', 'asking', 'writing', 'doubting', 'closing', 'finished')),
    cursor         BIGINT NOT NULL,  -- the client behind which the phase goes on
    began_at       BIGINT NOT NULL,
    written_at     BIGINT,           -- when the first pass over the clients began
    finished_at    BIGINT,
    clients        BIGINT NOT NULL,
    nothing_to_ask BIGINT NOT NULL,
    identifiers    BIGINT NOT NULL,
    changed        BIGINT NOT NULL,
    listed         BIGINT NOT NULL,  -- clients on the network when the night was judged
    vanished       BIGINT NOT NULL,  -- of these, the ones that have left it
    held           BIGINT NOT NULL,
    hold_reason    TEXT,
    asked          BIGINT NOT NULL,
    not_asked      BIGINT NOT NULL,
    unknown        TEXT NOT NULL,  -- identifiers without an answer, by cause
    UNIQUE (practice_id, local_date, ordinal)
);
CREATE UNIQUE INDEX nights_open ON nights (practice_id) WHERE phase <> 'finished';
CREATE INDEX nights_by_round ON nights (round_id, phase);
CREATE INDEX nights_by_practice ON nights (practice_id, began_at);

CREATE TABLE held_changes (
    id          BLOB NOT NULL PRIMARY KEY,
    practice_id BLOB NOT NULL,
    night_id    BLOB NOT NULL REFERENCES nights (id),
    client_key  BIGINT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('open', 'accepted', 'dismissed', 'overtaken')),
    old_state   TEXT,
    old_seat    TEXT,
    old_name    TEXT,
    new_state   TEXT NOT NULL,
    absent_at   BIGINT NOT NULL, -- when the network last said that the client is not on it
    created_at  BIGINT NOT NULL,
    decided_at  BIGINT
);
CREATE UNIQUE INDEX held_changes_open ON held_changes (client_key) WHERE status = 'open';
CREATE INDEX held_changes_by_practice ON held_changes (practice_id, status, id);

CREATE TABLE registration_checks (
    id             BLOB NOT NULL PRIMARY KEY,
    practice_id    BLOB NOT NULL REFERENCES practices (id),
    status         TEXT NOT NULL CHECK (status IN ('asking', 'checked', 'applying', 'applied')),
    operation_id   BLOB NOT NULL,
    application_id BLOB,
    created_at     BIGINT NOT NULL,
    checked_at     BIGINT,
    applied_at     BIGINT
);
CREATE INDEX registration_checks_by_practice ON registration_checks (practice_id, id);
CREATE INDEX registration_checks_by_age ON registration_checks (created_at);

CREATE TABLE findings (
    check_id   BLOB NOT NULL REFERENCES registration_checks (id) ON DELETE CASCADE,
    client_key BIGINT NOT NULL,
    answers    TEXT, -- NULL until the network was asked
    asked_at   BIGINT,
    differs    BOOLEAN NOT NULL,
    old_state  TEXT,
    old_cause  TEXT,
    old_seat   TEXT,
    old_name   TEXT,
    new_state  TEXT,
    new_cause  TEXT,
    new_seat   TEXT,
    new_name   TEXT,
    outcome    TEXT CHECK (outcome IN ('applied', 'unchanged', 'skipped')),
    reason     TEXT,
    PRIMARY KEY (check_id, client_key)
) WITHOUT ROWID;
CREATE INDEX findings_to_ask ON findings (check_id, client_key) WHERE answers IS NULL;
CREATE INDEX findings_to_apply ON findings (check_id, client_key) WHERE outcome IS NULL;
