-- The index of the filter by title, which finds a text anywhere in a title (without case and accents). For each title, the
-- index contains its parts of three characters (title_parts.rs). It replaces the index movies_by_title of whole titles, in
-- which every search read all titles.
CREATE VIRTUAL TABLE movie_title_parts USING fts5(
    parts, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
DROP TRIGGER movie_search_deleted;
CREATE TRIGGER movie_search_deleted AFTER DELETE ON movie_search BEGIN
    DELETE FROM movie_words WHERE rowid = old.id;
    DELETE FROM movie_title_parts WHERE rowid = old.id;
END;
DROP INDEX movies_by_title;
-- Because of the version 0, the program writes the entries of all movies again after this migration.
UPDATE movie_search SET index_version = 0;
