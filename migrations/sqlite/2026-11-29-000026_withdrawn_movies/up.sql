-- The few movies that counts of all movies leave out.
CREATE INDEX movies_withdrawn ON movies (id) WHERE NOT is_available;
