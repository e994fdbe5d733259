-- How far a practice was on each of its local days: the trend, and what the forecast is drawn through. All but the first two
-- are of the clients that are not exempt.
CREATE TABLE readiness_days (
    practice_id    UUID NOT NULL REFERENCES practices (id),
    day            TEXT NOT NULL,
    total          BIGINT NOT NULL,
    exempt         BIGINT NOT NULL,
    ready          BIGINT NOT NULL,
    registered     BIGINT NOT NULL,
    informed       BIGINT NOT NULL,
    not_registered BIGINT NOT NULL,
    cannot_receive BIGINT NOT NULL,
    unknown        BIGINT NOT NULL,
    PRIMARY KEY (practice_id, day)
);
