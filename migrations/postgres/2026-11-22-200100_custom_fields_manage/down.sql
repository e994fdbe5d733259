DROP TABLE own_solutions;

ALTER TABLE field_options ADD COLUMN delivered BOOLEAN NOT NULL DEFAULT false;
UPDATE field_options SET delivered = true WHERE delivered_key IS NOT NULL;
ALTER TABLE field_options ALTER COLUMN delivered DROP DEFAULT;
ALTER TABLE field_options DROP COLUMN revision;
ALTER TABLE field_options DROP COLUMN delivered_key;
ALTER TABLE field_options DROP COLUMN labels;

-- What was archived is switched off, and a kind that was not known before becomes a text that is switched off.
UPDATE fields SET active = false WHERE archived_at IS NOT NULL;
ALTER TABLE fields DROP COLUMN archived_at;
ALTER TABLE fields DROP COLUMN former_kinds;
UPDATE fields SET kind = 'text', active = false WHERE kind IN ('amount', 'multi_choice', 'member', 'client', 'link', 'document');
ALTER TABLE fields DROP CONSTRAINT fields_kind_check;
ALTER TABLE fields ADD CONSTRAINT fields_kind_check CHECK (kind IN ('text', 'long_text', 'number', 'date', 'yes_no', 'choice', 'access_point'));

ALTER TABLE field_categories DROP COLUMN archived_at;
