-- The words of a movie as a text, with which a search is compared to one movie. The full-text index would read the
-- entries of all movies with a word for this.

-- Each word is written as a letter for its origin (n: name, j: joined words of the name, p: people, d: description),
-- then `|` (`/` for joined words), the word, and a space. After this migration the program writes all entries again.
ALTER TABLE movie_search ADD COLUMN words TEXT NOT NULL DEFAULT '';
UPDATE movie_search SET index_version = 0;
