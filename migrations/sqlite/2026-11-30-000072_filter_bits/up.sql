-- The bits of `filter_bits` show which genres, certification and decade a movie may have (filter_bits.rs). The indexes contain
-- them, so that a filter need not read the rows of most movies that do not match. In a row that was written by a version
-- without this column all bits are set, so that the exact values of the row are always read.
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
-- The last two bytes of the identifier of each genre and certification, as numbers. They determine its bits.
CREATE TEMPORARY TABLE name_bytes AS SELECT id, ((instr('0123456789ABCDEF', substr(hex(id), 29, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(id), 30, 1)) - 1) AS one,
    ((instr('0123456789ABCDEF', substr(hex(id), 31, 1)) - 1) * 16 + instr('0123456789ABCDEF', substr(hex(id), 32, 1)) - 1) AS other
    FROM (SELECT id FROM genres UNION ALL SELECT id FROM certifications);
CREATE INDEX temp.name_bytes_id ON name_bytes (id, one, other);
-- `sum` combines the bits like a bitwise OR, because each summand is a different power of two.
UPDATE movies SET filter_bits = (SELECT (1 << (40 + one % 12)) | (1 << (40 + other % 12)) FROM name_bytes WHERE id = certification_id)
    | (1 << (52 + year / 10 % 11))
    | coalesce((SELECT sum(bits) FROM (SELECT DISTINCT 1 << (b.one % 40) AS bits FROM movie_genres l JOIN name_bytes b ON b.id = l.genre_id
        WHERE l.movie_id = movies.id UNION SELECT 1 << (b.other % 40) FROM movie_genres l JOIN name_bytes b ON b.id = l.genre_id
        WHERE l.movie_id = movies.id)), 0);
UPDATE movie_genres SET filter_bits = (SELECT m.filter_bits FROM movies m WHERE m.id = movie_id);
DROP TABLE name_bytes;
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
