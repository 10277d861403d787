CREATE INDEX movies_by_title ON movies (name_key, popularity, id) WHERE is_available;
DROP TRIGGER movie_search_deleted;
CREATE TRIGGER movie_search_deleted AFTER DELETE ON movie_search BEGIN
    DELETE FROM movie_words WHERE rowid = old.id;
END;
DROP TABLE movie_title_parts;
