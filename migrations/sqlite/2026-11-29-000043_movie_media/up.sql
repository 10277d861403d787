-- The film and subtitle files of movies, and how far users have watched the movies.

CREATE TABLE movie_files (
    movie_id BLOB PRIMARY KEY REFERENCES movies (id) ON DELETE CASCADE,
    media_key TEXT NOT NULL UNIQUE,
    length INTEGER NOT NULL CHECK (length >= 0),
    attached_at INTEGER NOT NULL
) STRICT;

CREATE TABLE movie_subtitles (
    movie_id BLOB NOT NULL REFERENCES movies (id) ON DELETE CASCADE,
    language TEXT NOT NULL,
    media_key TEXT NOT NULL UNIQUE,
    attached_at INTEGER NOT NULL,
    PRIMARY KEY (movie_id, language)
) STRICT;

CREATE TABLE watch_progress (
    user_id BLOB NOT NULL REFERENCES users (id),
    movie_id BLOB NOT NULL REFERENCES movies (id) ON DELETE CASCADE,
    position_seconds INTEGER NOT NULL CHECK (position_seconds >= 0),
    -- The time of the latest report of progress, by the player's clock.
    progressed_at INTEGER NOT NULL,
    is_watched INTEGER NOT NULL CHECK (is_watched IN (0, 1)),
    PRIMARY KEY (user_id, movie_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX watch_progress_movie_id ON watch_progress (movie_id);
CREATE INDEX watch_progress_latest ON watch_progress (user_id, progressed_at, movie_id);
