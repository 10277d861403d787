-- The movies of a certification are counted from this index alone, without reading the rows. This requires the column `id`.
DROP INDEX movies_certification_id;
CREATE INDEX movies_certification_id ON movies (certification_id, id);
