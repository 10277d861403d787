-- Which movies are similar to a movie, found in the background.
CREATE TABLE movie_similar (
    movie_id BLOB PRIMARY KEY REFERENCES movies (id) ON DELETE CASCADE,
    -- The version of the movie that they were found for.
    movie_version INTEGER NOT NULL,
    computed_at INTEGER NOT NULL,
    -- Identifiers separated by commas, the most similar first. They may be of movies that are gone.
    similar_ids TEXT NOT NULL
) STRICT, WITHOUT ROWID;
