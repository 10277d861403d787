-- `words` contains the words of a movie as a text. A search uses it to check whether a single movie contains the search words.
-- With the full-text index, this check would read the entries of all movies that contain one of the words.

-- Each word is written as a letter for its origin (n: name, j: joined words of the name, p: people, d: description),
-- then `|` (`/` for joined words), the word, and a space. Because of the version 0, the program writes all rows again after
-- this migration.
ALTER TABLE movie_search ADD COLUMN words TEXT NOT NULL DEFAULT '';
UPDATE movie_search SET index_version = 0;
