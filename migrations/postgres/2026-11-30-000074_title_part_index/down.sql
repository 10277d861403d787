CREATE INDEX movies_name_trigrams ON movies USING GIN (name_key gin_trgm_ops);
ALTER TABLE movie_search DROP COLUMN title_parts;
UPDATE movie_search SET index_version = 1 WHERE index_version = 2;
