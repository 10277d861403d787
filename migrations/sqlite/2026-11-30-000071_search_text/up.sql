-- The words of a movie as a text: checking one movie with the full-text index would read all movies that have a word.

-- Each word is written as a letter of its list (n: name, j: joined words of the name, p: people, d: description), `|`, or `/`
-- for joined words, the word, and a space. `cinema migrate` then writes all entries again.
ALTER TABLE movie_search ADD COLUMN words TEXT NOT NULL DEFAULT '';
UPDATE movie_search SET index_version = 0;
