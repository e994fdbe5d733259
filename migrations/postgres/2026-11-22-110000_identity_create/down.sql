DROP TABLE api_keys;
DROP TABLE sign_in_failures;
DROP TABLE invitations;
DROP TABLE sessions;
DROP TABLE members;
DROP TABLE accounts;
DROP TABLE practices;
