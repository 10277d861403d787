-- Which movies are similar to a movie, found in the background.
CREATE TABLE movie_similar (
    movie_id UUID PRIMARY KEY REFERENCES movies (id) ON DELETE CASCADE,
    -- The version of the movie that they were found for.
    movie_version BIGINT NOT NULL,
    computed_at TIMESTAMPTZ NOT NULL,
    -- Identifiers separated by commas, the most similar first. They may be of movies that are gone.
    similar_ids TEXT NOT NULL
);
