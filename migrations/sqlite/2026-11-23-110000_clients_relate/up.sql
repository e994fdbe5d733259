-- Each relation twice, as either client sees it, so that nobody has to look from both sides and none is there twice.
CREATE TABLE client_relations (
    id          BLOB NOT NULL,
    practice_id BLOB NOT NULL REFERENCES practices (id),
    client_key  BIGINT NOT NULL REFERENCES clients (key),
    other_key   BIGINT NOT NULL REFERENCES clients (key),
    kind        TEXT NOT NULL CHECK (kind IN ('director_of', 'has_director', 'same_group')),
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (id, client_key),
    CHECK (other_key <> client_key)
);
CREATE UNIQUE INDEX client_relations_taken ON client_relations (client_key, kind, other_key);
