-- The extension stays: others may use it, and it holds nothing of ours.
DROP TABLE catalog_state;
DROP TABLE movie_stars;
DROP TABLE movie_directors;
DROP TABLE movie_genres;
DROP TABLE movies;
DROP TABLE certifications;
DROP TABLE directors;
DROP TABLE stars;
DROP TABLE genres;
