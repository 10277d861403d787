-- The few movies that are not included in counts of all movies.
CREATE INDEX movies_withdrawn ON movies (id) WHERE NOT is_available;
