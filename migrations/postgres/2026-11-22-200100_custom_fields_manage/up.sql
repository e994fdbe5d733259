ALTER TABLE field_categories ADD COLUMN archived_at BIGINT;

ALTER TABLE fields DROP CONSTRAINT fields_kind_check;
ALTER TABLE fields ADD CONSTRAINT fields_kind_check CHECK (kind IN ('text', 'long_text', 'number', 'amount', 'date', 'yes_no', 'choice', 'multi_choice', 'member', 'client', 'link', 'document', 'access_point'));
ALTER TABLE fields ADD COLUMN former_kinds JSONB NOT NULL DEFAULT '[]';
ALTER TABLE fields ALTER COLUMN former_kinds DROP DEFAULT;
ALTER TABLE fields ADD COLUMN archived_at BIGINT;

ALTER TABLE field_options ADD COLUMN labels JSONB NOT NULL DEFAULT '{}';
ALTER TABLE field_options ALTER COLUMN labels DROP DEFAULT;
ALTER TABLE field_options ADD COLUMN delivered_key TEXT COLLATE "C";
ALTER TABLE field_options ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE field_options ALTER COLUMN revision DROP DEFAULT;
-- Nobody could rename an option so far, so the folded label is the one that was delivered.
UPDATE field_options SET delivered_key = label_key WHERE delivered;
ALTER TABLE field_options ADD CONSTRAINT field_options_delivered_once UNIQUE (field_key, delivered_key);
ALTER TABLE field_options DROP COLUMN delivered;

CREATE TABLE own_solutions (
    practice_id    UUID NOT NULL PRIMARY KEY REFERENCES practices (id),
    receive_option BIGINT REFERENCES field_options (key),
    send_option    BIGINT REFERENCES field_options (key),
    seat_ids       JSONB NOT NULL,
    revision       BIGINT NOT NULL,
    updated_at     BIGINT NOT NULL
);
