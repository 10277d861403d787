-- The search index. `movie_search` contains the words of each movie, and is updated in the transaction that changes the
-- movie. The vocabulary contains all words, and is used to correct misspelt words.

CREATE TABLE movie_search (
    -- The rowid of the movie in movie_words.
    id INTEGER PRIMARY KEY,
    movie_id BLOB NOT NULL UNIQUE REFERENCES movies (id) ON DELETE CASCADE,
    -- The version of the rules by which the words were computed.
    index_version INTEGER NOT NULL,
    -- The whole name as one word, without its article.
    name_key TEXT NOT NULL,
    -- The words of directors and stars, separated by spaces.
    people TEXT NOT NULL
) STRICT;
CREATE INDEX movie_search_name_key ON movie_search (name_key);
CREATE INDEX movie_search_index_version ON movie_search (index_version);

-- Each column contains words that are separated by spaces, so that the tokenizer finds them. `joined` contains pairs of
-- neighbouring words of the name, joined to one word.
CREATE VIRTUAL TABLE movie_words USING fts5(
    name, joined, people, description, content = '', contentless_delete = 1, detail = column, prefix = '1 2 3',
    tokenize = 'ascii'
);
CREATE VIRTUAL TABLE movie_words_terms USING fts5vocab(movie_words, 'col');
CREATE TRIGGER movie_search_deleted AFTER DELETE ON movie_search BEGIN
    DELETE FROM movie_words WHERE rowid = old.id;
END;

CREATE TABLE search_vocabulary (
    word TEXT PRIMARY KEY,
    -- The word without its first letter.
    rest TEXT NOT NULL,
    length INTEGER NOT NULL,
    movies INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX search_vocabulary_rest ON search_vocabulary (rest);

-- The table has one row: the version of the catalogue from which the vocabulary was computed.
CREATE TABLE search_vocabulary_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    catalog_version INTEGER NOT NULL
) STRICT;
INSERT INTO search_vocabulary_state (id, catalog_version) VALUES (1, 0);
