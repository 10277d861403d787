-- The movies that were withdrawn from sale. They are few, and counts of the movies on sale are the counts of all movies
-- minus these.
CREATE INDEX movies_withdrawn ON movies (id) WHERE NOT is_available;
