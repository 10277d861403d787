-- Movies with their people, genres and certifications.

CREATE TABLE genres (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    -- The name in a form without upper case and accents, which is compared byte by byte.
    name_key TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE stars (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE directors (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE certifications (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE movies (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    year INTEGER NOT NULL,
    duration_minutes INTEGER NOT NULL CHECK (duration_minutes > 0),
    imdb REAL NOT NULL CHECK (imdb BETWEEN 0 AND 10),
    votes INTEGER NOT NULL CHECK (votes >= 0),
    meta_score REAL CHECK (meta_score BETWEEN 0 AND 100),
    -- The box office gross in whole units of the currency, not in minor units.
    gross INTEGER CHECK (gross >= 0),
    description TEXT NOT NULL,
    price_minor INTEGER NOT NULL CHECK (price_minor >= 0),
    price_currency TEXT NOT NULL,
    certification_id BLOB NOT NULL REFERENCES certifications (id),
    poster_url TEXT,
    is_available INTEGER NOT NULL CHECK (is_available IN (0, 1)),
    popularity REAL NOT NULL,
    rating_sum INTEGER NOT NULL DEFAULT 0,
    rating_count INTEGER NOT NULL DEFAULT 0 CHECK (rating_count >= 0),
    likes INTEGER NOT NULL DEFAULT 0 CHECK (likes >= 0),
    dislikes INTEGER NOT NULL DEFAULT 0 CHECK (dislikes >= 0),
    comments_count INTEGER NOT NULL DEFAULT 0 CHECK (comments_count >= 0),
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (name, year, duration_minutes)
) STRICT;
CREATE INDEX movies_certification_id ON movies (certification_id);
-- A search for a text anywhere in titles scans only this index, and not the rows, because the index contains all columns
-- that the search needs.
CREATE INDEX movies_by_title ON movies (name_key, popularity, id) WHERE is_available;
-- One index per sort order, which is read in both directions. The identifier is the last sort key.
CREATE INDEX movies_by_name ON movies (name_key, id) WHERE is_available;
CREATE INDEX movies_by_year ON movies (year, id) WHERE is_available;
CREATE INDEX movies_by_price ON movies (price_minor, id) WHERE is_available;
CREATE INDEX movies_by_imdb ON movies (imdb, id) WHERE is_available;
CREATE INDEX movies_by_votes ON movies (votes, id) WHERE is_available;
CREATE INDEX movies_by_popularity ON movies (popularity, id) WHERE is_available;
CREATE INDEX movies_by_created_at ON movies (created_at, id) WHERE is_available;
CREATE INDEX movies_by_duration ON movies (duration_minutes, id) WHERE is_available;
-- Movies without ratings are last in both directions, so each direction has its own sentinel value.
CREATE INDEX movies_by_rating_up ON movies (
    (CASE WHEN rating_count > 0 THEN CAST(rating_sum AS DOUBLE PRECISION) / rating_count ELSE 11.0 END), id
) WHERE is_available;
CREATE INDEX movies_by_rating_down ON movies (
    (CASE WHEN rating_count > 0 THEN CAST(rating_sum AS DOUBLE PRECISION) / rating_count ELSE -1.0 END), id
) WHERE is_available;

CREATE TABLE movie_genres (
    movie_id BLOB NOT NULL REFERENCES movies (id) ON DELETE CASCADE,
    genre_id BLOB NOT NULL REFERENCES genres (id),
    position INTEGER NOT NULL,
    PRIMARY KEY (movie_id, genre_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX movie_genres_genre_id ON movie_genres (genre_id, movie_id);

CREATE TABLE movie_directors (
    movie_id BLOB NOT NULL REFERENCES movies (id) ON DELETE CASCADE,
    director_id BLOB NOT NULL REFERENCES directors (id),
    position INTEGER NOT NULL,
    PRIMARY KEY (movie_id, director_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX movie_directors_director_id ON movie_directors (director_id, movie_id);

CREATE TABLE movie_stars (
    movie_id BLOB NOT NULL REFERENCES movies (id) ON DELETE CASCADE,
    star_id BLOB NOT NULL REFERENCES stars (id),
    position INTEGER NOT NULL,
    PRIMARY KEY (movie_id, star_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX movie_stars_star_id ON movie_stars (star_id, movie_id);

-- The table has one row. Every transaction that changes movies or genres increases the version. Totals that are cached in
-- memory are valid for one version.
CREATE TABLE catalog_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO catalog_state (id, version) VALUES (1, 1);
