DROP TABLE readiness_days;
