-- Who moved from one access point to another in a night is asked at its end. First sights, which are most of the rows, are not in
-- the index.
CREATE INDEX registration_moves_between_access_points ON registration_moves (practice_id, source) WHERE old_seat <> new_seat;
