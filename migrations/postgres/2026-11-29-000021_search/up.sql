-- The search index. `movie_search` contains the words of each movie, and is updated in the transaction that changes the
-- movie. The vocabulary contains all words, and is used to correct misspelt words.

CREATE TABLE movie_search (
    movie_id UUID PRIMARY KEY REFERENCES movies (id) ON DELETE CASCADE,
    -- The version of the rules by which the words were computed.
    index_version INTEGER NOT NULL,
    -- The whole name as one word, without its article.
    name_key TEXT COLLATE "C" NOT NULL,
    -- The words of directors and stars, separated by spaces.
    people TEXT NOT NULL,
    -- The words of the name. Neighbouring words are also joined to one word, which then begins with `~`.
    names TSVECTOR NOT NULL,
    -- The words of directors and stars.
    persons TSVECTOR NOT NULL,
    -- All words of the movie.
    document TSVECTOR NOT NULL
);
CREATE INDEX movie_search_names ON movie_search USING GIN (names) WITH (fastupdate = off);
CREATE INDEX movie_search_persons ON movie_search USING GIN (persons) WITH (fastupdate = off);
CREATE INDEX movie_search_document ON movie_search USING GIN (document) WITH (fastupdate = off);
CREATE INDEX movie_search_name_key ON movie_search (name_key);
CREATE INDEX movie_search_index_version ON movie_search (index_version);

CREATE TABLE search_vocabulary (
    word TEXT COLLATE "C" PRIMARY KEY,
    -- The word without its first letter.
    rest TEXT COLLATE "C" NOT NULL,
    length INTEGER NOT NULL,
    movies BIGINT NOT NULL
);
CREATE INDEX search_vocabulary_rest ON search_vocabulary (rest);

-- The table has one row: the version of the catalogue from which the vocabulary was computed.
CREATE TABLE search_vocabulary_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    catalog_version BIGINT NOT NULL
);
INSERT INTO search_vocabulary_state (id, catalog_version) VALUES (1, 0);
