DROP INDEX movie_search_document;
DROP INDEX movie_search_persons;
DROP INDEX movie_search_names;
ALTER TABLE movie_search DROP COLUMN title_parts;
UPDATE movie_search SET index_version = 1 WHERE index_version = 2;
CREATE INDEX movie_search_names ON movie_search USING GIN (names) WITH (fastupdate = off);
CREATE INDEX movie_search_persons ON movie_search USING GIN (persons) WITH (fastupdate = off);
CREATE INDEX movie_search_document ON movie_search USING GIN (document) WITH (fastupdate = off);
CREATE INDEX movies_name_trigrams ON movies USING GIN (name_key gin_trgm_ops);
