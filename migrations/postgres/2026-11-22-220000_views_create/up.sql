-- Views that people saved, and what they made of delivered ones: those that nobody touched have no row.
-- A private view goes with its owner.
CREATE TABLE saved_views (
    id            UUID NOT NULL PRIMARY KEY,
    practice_id   UUID NOT NULL REFERENCES practices (id),
    delivered_key TEXT,
    names         JSONB NOT NULL,
    owner_member  UUID REFERENCES members (id) ON DELETE CASCADE,
    owner_key     UUID REFERENCES api_keys (id) ON DELETE CASCADE,
    content       JSONB NOT NULL,
    adapted       BOOLEAN NOT NULL,
    hidden        BOOLEAN NOT NULL,
    revision      BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    UNIQUE (practice_id, delivered_key),
    CHECK (owner_member IS NULL OR owner_key IS NULL)
);
CREATE INDEX saved_views_by_member ON saved_views (owner_member);
CREATE INDEX saved_views_by_key ON saved_views (owner_key);

-- What a practice expects to be filled in; the delivered list while it has said nothing else.
CREATE TABLE completeness (
    practice_id UUID NOT NULL PRIMARY KEY REFERENCES practices (id),
    expected    JSONB NOT NULL,
    revision    BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
