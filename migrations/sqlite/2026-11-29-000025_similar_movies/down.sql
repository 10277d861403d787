DROP TABLE movie_similar;
