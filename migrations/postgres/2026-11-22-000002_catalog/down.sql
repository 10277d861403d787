-- The extension pg_trgm is kept, because other applications may use it, and it contains no data of this program.
DROP TABLE catalog_state;
DROP TABLE movie_stars;
DROP TABLE movie_directors;
DROP TABLE movie_genres;
DROP TABLE movies;
DROP TABLE certifications;
DROP TABLE directors;
DROP TABLE stars;
DROP TABLE genres;
