-- The similar movies of a movie, computed in the background.
CREATE TABLE movie_similar (
    movie_id BLOB PRIMARY KEY REFERENCES movies (id) ON DELETE CASCADE,
    -- The version of the movie for which the similar movies were computed.
    movie_version INTEGER NOT NULL,
    computed_at INTEGER NOT NULL,
    -- Identifiers separated by commas, the most similar first. The movies may have been deleted.
    similar_ids TEXT NOT NULL
) STRICT, WITHOUT ROWID;
