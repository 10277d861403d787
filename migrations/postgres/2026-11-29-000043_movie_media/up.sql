-- The film and subtitle files of movies, and how far users have watched the movies.

CREATE TABLE movie_files (
    movie_id UUID PRIMARY KEY REFERENCES movies (id) ON DELETE CASCADE,
    media_key TEXT NOT NULL UNIQUE,
    length BIGINT NOT NULL CHECK (length >= 0),
    attached_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE movie_subtitles (
    movie_id UUID NOT NULL REFERENCES movies (id) ON DELETE CASCADE,
    language TEXT NOT NULL,
    media_key TEXT NOT NULL UNIQUE,
    attached_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (movie_id, language)
);

CREATE TABLE watch_progress (
    user_id UUID NOT NULL REFERENCES users (id),
    movie_id UUID NOT NULL REFERENCES movies (id) ON DELETE CASCADE,
    position_seconds BIGINT NOT NULL CHECK (position_seconds >= 0),
    -- The time of the latest report of progress, by the player's clock.
    progressed_at TIMESTAMPTZ NOT NULL,
    is_watched BOOLEAN NOT NULL,
    PRIMARY KEY (user_id, movie_id)
);
CREATE INDEX watch_progress_movie_id ON watch_progress (movie_id);
CREATE INDEX watch_progress_latest ON watch_progress (user_id, progressed_at, movie_id);
