DROP TABLE search_vocabulary_state;
DROP TABLE search_vocabulary;
DROP TABLE movie_words_terms;
DROP TABLE movie_words;
DROP TABLE movie_search;
