DROP INDEX movies_certification_id;
CREATE INDEX movies_certification_id ON movies (certification_id);
