-- The words of a movie as a text, in which a search looks up its words if it checks a single movie. With the full-text
-- index, this check would read the entries of all movies that contain one of the words.

-- Each word is written as a letter for its origin (n: name, j: joined words of the name, p: people, d: description),
-- then `|` (`/` for joined words), the word, and a space. After this migration the program writes all entries again.
ALTER TABLE movie_search ADD COLUMN words TEXT NOT NULL DEFAULT '';
UPDATE movie_search SET index_version = 0;
