-- Whether a mail that came back did so for good (hard), or for now (soft).
ALTER TABLE campaign_recipients ADD COLUMN bounce TEXT;
