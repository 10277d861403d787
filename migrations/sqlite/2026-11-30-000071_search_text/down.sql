ALTER TABLE movie_search DROP COLUMN words;
