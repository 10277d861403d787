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
ALTER TABLE movie_genres DROP COLUMN filter_bits;
ALTER TABLE movies DROP COLUMN filter_bits;
CREATE INDEX movies_by_year ON movies (year, id) WHERE is_available;
CREATE INDEX movies_by_price ON movies (price_minor, id) WHERE is_available;
CREATE INDEX movies_by_imdb ON movies (imdb, id) WHERE is_available;
CREATE INDEX movies_by_votes ON movies (votes, id) WHERE is_available;
CREATE INDEX movies_by_popularity ON movies (popularity, id) WHERE is_available;
CREATE INDEX movies_by_created_at ON movies (created_at, id) WHERE is_available;
CREATE INDEX movies_by_duration ON movies (duration_minutes, id) WHERE is_available;
CREATE INDEX movies_by_name ON movies (sort_key, id) WHERE is_available;
CREATE INDEX movies_by_rating_up ON movies (
    (CASE WHEN rating_count > 0 THEN CAST(rating_sum + 55 AS DOUBLE PRECISION) / (rating_count + 10) ELSE 11.0 END), id
) WHERE is_available;
CREATE INDEX movies_by_rating_down ON movies (
    (CASE WHEN rating_count > 0 THEN CAST(rating_sum + 55 AS DOUBLE PRECISION) / (rating_count + 10) ELSE -1.0 END), id
) WHERE is_available;
CREATE INDEX movies_certification_id ON movies (certification_id, id);
CREATE INDEX movie_genres_genre_id ON movie_genres (genre_id, movie_id);
