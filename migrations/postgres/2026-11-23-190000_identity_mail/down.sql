DROP TABLE password_resets;
ALTER TABLE invitations DROP COLUMN sealed_token;
ALTER TABLE invitations DROP COLUMN invited_by;
