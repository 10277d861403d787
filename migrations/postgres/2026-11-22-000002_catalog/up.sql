-- Movies with their people, genres and certifications.

-- The extension provides the index that finds a text anywhere in titles. It is trusted since PostgreSQL 13, so no superuser
-- is needed to create it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE genres (
    id UUID PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    -- The name in a form without upper case and accents, which is compared byte by byte.
    name_key TEXT COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE stars (
    id UUID PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE directors (
    id UUID PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE certifications (
    id UUID PRIMARY KEY,
    name VARCHAR(100) NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL UNIQUE
);

CREATE TABLE movies (
    id UUID PRIMARY KEY,
    name VARCHAR(250) NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    year INTEGER NOT NULL,
    duration_minutes INTEGER NOT NULL CHECK (duration_minutes > 0),
    imdb DOUBLE PRECISION NOT NULL CHECK (imdb BETWEEN 0 AND 10),
    votes BIGINT NOT NULL CHECK (votes >= 0),
    meta_score DOUBLE PRECISION CHECK (meta_score BETWEEN 0 AND 100),
    -- The box office gross in whole units of the currency, not in minor units.
    gross BIGINT CHECK (gross >= 0),
    description TEXT NOT NULL,
    price_minor BIGINT NOT NULL CHECK (price_minor >= 0),
    price_currency CHAR(3) NOT NULL,
    certification_id UUID NOT NULL REFERENCES certifications (id),
    poster_url TEXT,
    is_available BOOLEAN NOT NULL,
    popularity DOUBLE PRECISION NOT NULL,
    rating_sum BIGINT NOT NULL DEFAULT 0,
    rating_count BIGINT NOT NULL DEFAULT 0 CHECK (rating_count >= 0),
    likes BIGINT NOT NULL DEFAULT 0 CHECK (likes >= 0),
    dislikes BIGINT NOT NULL DEFAULT 0 CHECK (dislikes >= 0),
    comments_count BIGINT NOT NULL DEFAULT 0 CHECK (comments_count >= 0),
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    UNIQUE (name, year, duration_minutes)
);
CREATE INDEX movies_certification_id ON movies (certification_id);
CREATE INDEX movies_name_trigrams ON movies USING GIN (name_key gin_trgm_ops);
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
    movie_id UUID NOT NULL REFERENCES movies (id) ON DELETE CASCADE,
    genre_id UUID NOT NULL REFERENCES genres (id),
    position INTEGER NOT NULL,
    PRIMARY KEY (movie_id, genre_id)
);
CREATE INDEX movie_genres_genre_id ON movie_genres (genre_id, movie_id);

CREATE TABLE movie_directors (
    movie_id UUID NOT NULL REFERENCES movies (id) ON DELETE CASCADE,
    director_id UUID NOT NULL REFERENCES directors (id),
    position INTEGER NOT NULL,
    PRIMARY KEY (movie_id, director_id)
);
CREATE INDEX movie_directors_director_id ON movie_directors (director_id, movie_id);

CREATE TABLE movie_stars (
    movie_id UUID NOT NULL REFERENCES movies (id) ON DELETE CASCADE,
    star_id UUID NOT NULL REFERENCES stars (id),
    position INTEGER NOT NULL,
    PRIMARY KEY (movie_id, star_id)
);
CREATE INDEX movie_stars_star_id ON movie_stars (star_id, movie_id);

-- The table has one row. Every transaction that changes movies or genres increases the version. Totals that are cached in
-- memory are valid for one version.
CREATE TABLE catalog_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL
);
INSERT INTO catalog_state (id, version) VALUES (1, 1);
