-- The index of the filter by title, which finds a text anywhere in a folded title. Each title is written as its parts of
-- three characters (title_parts.rs). It replaces an index of whole titles: every search read all titles in it.
CREATE VIRTUAL TABLE movie_title_parts USING fts5(
    parts, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
DROP TRIGGER movie_search_deleted;
CREATE TRIGGER movie_search_deleted AFTER DELETE ON movie_search BEGIN
    DELETE FROM movie_words WHERE rowid = old.id;
    DELETE FROM movie_title_parts WHERE rowid = old.id;
END;
DROP INDEX movies_by_title;
-- After this migration the program writes all entries again.
UPDATE movie_search SET index_version = 0;
