-- Bits that tell which genres, certification and decade a movie may have (filter_bits.rs). All bits of a row that was
-- written without them are set, so that its exact values are always read.
DROP INDEX movies_by_year;
DROP INDEX movies_by_price;
DROP INDEX movies_by_imdb;
DROP INDEX movies_by_votes;
DROP INDEX movies_by_popularity;
DROP INDEX movies_by_created_at;
DROP INDEX movies_by_duration;
DROP INDEX movies_by_name;
DROP INDEX movies_by_rating_up;
DROP INDEX movies_by_rating_down;
DROP INDEX movies_certification_id;
DROP INDEX movie_genres_genre_id;
ALTER TABLE movies ADD COLUMN filter_bits INTEGER NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE movie_genres ADD COLUMN filter_bits INTEGER NOT NULL DEFAULT 9223372036854775807;
CREATE TEMPORARY TABLE bits_of_names AS
    SELECT id, 1 << (((instr('0123456789ABCDEF', substr(hex(id), 31, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(id), 32, 1)) - 1) % 40) AS bits FROM genres
    UNION ALL SELECT id, 1 << (40 + ((instr('0123456789ABCDEF', substr(hex(id), 31, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(id), 32, 1)) - 1) % 12) FROM certifications;
CREATE INDEX temp.bits_of_names_id ON bits_of_names (id, bits);
-- The bits of one movie are different powers of two, so their sum is their union.
UPDATE movies SET filter_bits = coalesce((SELECT sum(DISTINCT b.bits) FROM movie_genres l JOIN bits_of_names b ON b.id = l.genre_id
    WHERE l.movie_id = movies.id), 0) | (SELECT bits FROM bits_of_names WHERE id = certification_id) | (1 << (52 + year / 10 % 11));
UPDATE movie_genres SET filter_bits = (SELECT m.filter_bits FROM movies m WHERE m.id = movie_id);
DROP TABLE bits_of_names;
CREATE INDEX movies_by_year ON movies (year, id, filter_bits) WHERE is_available;
CREATE INDEX movies_by_price ON movies (price_minor, id, filter_bits) WHERE is_available;
CREATE INDEX movies_by_imdb ON movies (imdb, id, filter_bits) WHERE is_available;
CREATE INDEX movies_by_votes ON movies (votes, id, filter_bits) WHERE is_available;
CREATE INDEX movies_by_popularity ON movies (popularity, id, filter_bits) WHERE is_available;
CREATE INDEX movies_by_created_at ON movies (created_at, id, filter_bits) WHERE is_available;
CREATE INDEX movies_by_duration ON movies (duration_minutes, id, filter_bits) WHERE is_available;
CREATE INDEX movies_by_name ON movies (sort_key, id, filter_bits) WHERE is_available;
CREATE INDEX movies_by_rating_up ON movies (
    (CASE WHEN rating_count > 0 THEN CAST(rating_sum + 55 AS DOUBLE PRECISION) / (rating_count + 10) ELSE 11.0 END), id, filter_bits
) WHERE is_available;
CREATE INDEX movies_by_rating_down ON movies (
    (CASE WHEN rating_count > 0 THEN CAST(rating_sum + 55 AS DOUBLE PRECISION) / (rating_count + 10) ELSE -1.0 END), id, filter_bits
) WHERE is_available;
CREATE INDEX movies_certification_id ON movies (certification_id, id, filter_bits);
CREATE INDEX movie_genres_genre_id ON movie_genres (genre_id, movie_id, filter_bits);
