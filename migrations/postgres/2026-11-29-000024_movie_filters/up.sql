-- Filters count the movies of a certification with this index only.
DROP INDEX movies_certification_id;
CREATE INDEX movies_certification_id ON movies (certification_id, id);
