-- Data of a movie that moderators edit: the name for sorting, external identifiers, a trailer, and an uploaded poster.

-- The name for sorting that a moderator has set. NULL: the name for sorting is derived from `name`.
ALTER TABLE movies ADD COLUMN sort_name VARCHAR(250);
-- Computed by the program from the name for sorting, without case, accents and leading punctuation.
ALTER TABLE movies ADD COLUMN sort_key TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE movies ADD COLUMN imdb_id VARCHAR(12);
ALTER TABLE movies ADD COLUMN tmdb_id BIGINT CHECK (tmdb_id > 0);
ALTER TABLE movies ADD COLUMN trailer_url TEXT;
-- The uploaded poster, and its largest stored width.
ALTER TABLE movies ADD COLUMN poster_id UUID;
ALTER TABLE movies ADD COLUMN poster_width INTEGER
    CHECK ((poster_width IS NULL) = (poster_id IS NULL) AND poster_width IN (185, 342, 500, 780));

-- Computes `sort_key` for existing movies. Except for unusual punctuation, the result is the same as the program's.
UPDATE movies SET sort_key = CASE
    WHEN lower(name) LIKE 'the _%' AND name_key || ' ' NOT LIKE 'the to %' THEN substr(name_key, 5)
    WHEN lower(name) LIKE 'a _%' AND name_key || ' ' NOT LIKE 'a to %' THEN substr(name_key, 3)
    WHEN lower(name) LIKE 'an _%' AND name_key || ' ' NOT LIKE 'an to %' THEN substr(name_key, 4)
    ELSE name_key
END;
UPDATE movies SET sort_key = ltrim(sort_key, ' !"#$%&''()*+,-./:;<=>?@[\]^_`{|}~¡¿«»‘’“”„–—·')
WHERE ltrim(sort_key, ' !"#$%&''()*+,-./:;<=>?@[\]^_`{|}~¡¿«»‘’“”„–—·') <> '';

DROP INDEX movies_by_name;
CREATE INDEX movies_by_name ON movies (sort_key, id) WHERE is_available;
CREATE UNIQUE INDEX movies_imdb_id ON movies (imdb_id);
CREATE UNIQUE INDEX movies_tmdb_id ON movies (tmdb_id);
