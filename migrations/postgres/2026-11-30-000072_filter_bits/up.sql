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
ALTER TABLE movies ADD COLUMN filter_bits BIGINT NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE movie_genres ADD COLUMN filter_bits BIGINT NOT NULL DEFAULT 9223372036854775807;
UPDATE movies m SET filter_bits = coalesce((SELECT bit_or((1::BIGINT << (get_byte(uuid_send(genre_id), 14) % 40))
        | (1::BIGINT << (get_byte(uuid_send(genre_id), 15) % 40))) FROM movie_genres WHERE movie_id = m.id), 0)
    | (1::BIGINT << (40 + get_byte(uuid_send(certification_id), 14) % 12))
    | (1::BIGINT << (40 + get_byte(uuid_send(certification_id), 15) % 12))
    | (1::BIGINT << (52 + year / 10 % 11));
UPDATE movie_genres l SET filter_bits = m.filter_bits FROM movies m WHERE m.id = l.movie_id;
CREATE INDEX movies_by_year ON movies (year, id) INCLUDE (filter_bits) WHERE is_available;
CREATE INDEX movies_by_price ON movies (price_minor, id) INCLUDE (filter_bits) WHERE is_available;
CREATE INDEX movies_by_imdb ON movies (imdb, id) INCLUDE (filter_bits) WHERE is_available;
CREATE INDEX movies_by_votes ON movies (votes, id) INCLUDE (filter_bits) WHERE is_available;
CREATE INDEX movies_by_popularity ON movies (popularity, id) INCLUDE (filter_bits) WHERE is_available;
CREATE INDEX movies_by_created_at ON movies (created_at, id) INCLUDE (filter_bits) WHERE is_available;
CREATE INDEX movies_by_duration ON movies (duration_minutes, id) INCLUDE (filter_bits) WHERE is_available;
CREATE INDEX movies_by_name ON movies (sort_key, id) INCLUDE (filter_bits) WHERE is_available;
CREATE INDEX movies_by_rating_up ON movies (
    (CASE WHEN rating_count > 0 THEN CAST(rating_sum + 55 AS DOUBLE PRECISION) / (rating_count + 10) ELSE 11.0 END), id
) INCLUDE (filter_bits, rating_sum, rating_count) WHERE is_available;
CREATE INDEX movies_by_rating_down ON movies (
    (CASE WHEN rating_count > 0 THEN CAST(rating_sum + 55 AS DOUBLE PRECISION) / (rating_count + 10) ELSE -1.0 END), id
) INCLUDE (filter_bits, rating_sum, rating_count) WHERE is_available;
CREATE INDEX movies_certification_id ON movies (certification_id, id) INCLUDE (filter_bits);
CREATE INDEX movie_genres_genre_id ON movie_genres (genre_id, movie_id) INCLUDE (filter_bits);
