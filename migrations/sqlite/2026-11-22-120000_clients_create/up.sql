CREATE TABLE clients (
    key                INTEGER PRIMARY KEY AUTOINCREMENT,
    id                 BLOB NOT NULL UNIQUE,
    practice_id        BLOB NOT NULL REFERENCES practices (id),
    kind               TEXT NOT NULL CHECK (kind IN ('company', 'person')),
    reference          TEXT,
    name               TEXT NOT NULL,
    name_key           TEXT NOT NULL,
    search_key         TEXT NOT NULL,
    legal_form         TEXT,
    enterprise_number  TEXT,
    vat_number         TEXT,
    vat_liable         BOOLEAN,
    government         BOOLEAN NOT NULL,
    oin                TEXT,
    identifiers        TEXT NOT NULL,
    street             TEXT,
    street_number      TEXT,
    postcode           TEXT,
    town               TEXT,
    country            TEXT NOT NULL,
    language           TEXT NOT NULL,
    email              TEXT,
    phone              TEXT,
    website            TEXT,
    responsible_id     BLOB,
    responsible_name   TEXT,
    portfolio          TEXT,
    mandate_start      TEXT,
    mandate_end        TEXT,
    archived_at        BIGINT,
    registration       TEXT CHECK (registration IN ('registered', 'cannot_receive', 'not_registered', 'unknown', 'nothing_to_ask')),
    registration_cause TEXT,
    access_point_seat  TEXT,
    access_point_name  TEXT,
    checked_at         BIGINT,
    unknown_since      BIGINT,
    revision           BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL
);
CREATE UNIQUE INDEX clients_enterprise_number_taken ON clients (practice_id, country, enterprise_number) WHERE archived_at IS NULL AND enterprise_number IS NOT NULL;
CREATE UNIQUE INDEX clients_reference_taken ON clients (practice_id, reference) WHERE archived_at IS NULL AND reference IS NOT NULL;
CREATE INDEX clients_by_name ON clients (practice_id, name_key, key);
CREATE INDEX clients_by_registration ON clients (practice_id, registration, key);

CREATE TABLE client_values (
    client_key  BIGINT NOT NULL PRIMARY KEY REFERENCES clients (key),
    practice_id BLOB NOT NULL,
    vals        TEXT NOT NULL,
    prov        TEXT NOT NULL
);
CREATE INDEX client_values_by_practice ON client_values (practice_id, client_key);

CREATE TABLE changes (
    entry_key     BIGINT NOT NULL,
    client_key    BIGINT NOT NULL,
    field         BIGINT NOT NULL,
    item          BIGINT NOT NULL,
    old_num       DOUBLE PRECISION,
    old_txt       TEXT,
    old_entry_key BIGINT,
    new_num       DOUBLE PRECISION,
    new_txt       TEXT,
    PRIMARY KEY (entry_key, client_key, field, item)
) WITHOUT ROWID;
CREATE INDEX changes_by_client ON changes (client_key, entry_key);

CREATE TABLE contacts (
    id               BLOB NOT NULL PRIMARY KEY,
    practice_id      BLOB NOT NULL REFERENCES practices (id),
    client_key       BIGINT NOT NULL REFERENCES clients (key),
    name             TEXT NOT NULL,
    role             TEXT,
    email            TEXT,
    phone            TEXT,
    language         TEXT,
    receives_notices BOOLEAN NOT NULL,
    revision         BIGINT NOT NULL,
    created_at       BIGINT NOT NULL
);
CREATE INDEX contacts_by_client ON contacts (client_key, id);
