DROP TABLE search_vocabulary_state;
DROP TABLE search_vocabulary;
DROP TABLE movie_search;
