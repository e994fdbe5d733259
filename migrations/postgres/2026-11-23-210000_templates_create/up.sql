-- What a practice's mails say. Delivered categories and templates have no rows until somebody changes them.
CREATE TABLE template_categories (
    id          UUID NOT NULL PRIMARY KEY,
    practice_id UUID NOT NULL REFERENCES practices (id),
    code        TEXT NOT NULL,
    names       JSONB NOT NULL,
    active      BOOLEAN NOT NULL,
    revision    BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    UNIQUE (practice_id, code)
);
CREATE TABLE templates (
    id            UUID NOT NULL PRIMARY KEY,
    practice_id   UUID NOT NULL REFERENCES practices (id),
    category_id   UUID NOT NULL REFERENCES template_categories (id),
    delivered_key TEXT,
    name          TEXT NOT NULL,
    active        BOOLEAN NOT NULL,
    content       JSONB NOT NULL,
    version       BIGINT NOT NULL,
    adapted       BOOLEAN NOT NULL,
    revision      BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    deleted_at    BIGINT
);
CREATE INDEX templates_by_practice ON templates (practice_id, created_at) WHERE deleted_at IS NULL;
CREATE TABLE template_versions (
    template_id UUID NOT NULL REFERENCES templates (id),
    number      BIGINT NOT NULL,
    practice_id UUID NOT NULL REFERENCES practices (id),
    content     JSONB NOT NULL,
    actor_kind  TEXT NOT NULL,
    actor_id    TEXT,
    actor_name  TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    PRIMARY KEY (template_id, number)
);
