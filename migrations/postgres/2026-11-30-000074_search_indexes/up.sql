-- movie_search_title_parts is the index of the filter by title, which finds a text anywhere in a title (without case and
-- accents). For each title, the index contains its parts of three characters (title_parts.rs). It replaces a trigram index,
-- which finds nothing for texts of fewer than three characters, so that all titles were read for such texts. The column
-- title_parts has a default, because nodes of the previous release do not write it. They write an earlier index_version, so
-- the program later indexes their movies again.
--
-- All indexes of movie_search now collect new entries in a list, and add many of them to the index at once
-- (gin_pending_list_limit): an import then spends a seventh of the time on the indexes. A search also reads this list, which
-- has at most 256 kB for each index. All indexes are dropped and created again, because that takes less time than changing
-- their entries while the rows are updated.
DROP INDEX movies_name_trigrams;
DROP INDEX movie_search_names;
DROP INDEX movie_search_persons;
DROP INDEX movie_search_document;
ALTER TABLE movie_search ADD COLUMN title_parts tsvector NOT NULL DEFAULT '';
UPDATE movie_search s SET index_version = 2, title_parts = coalesce(
    (SELECT array_to_tsvector(array_agg(substr(m.name_key, n, 3))) FROM generate_series(1, length(m.name_key)) AS n), ''
) FROM movies m WHERE m.id = s.movie_id AND s.index_version = 1;
CREATE INDEX movie_search_names ON movie_search USING GIN (names) WITH (gin_pending_list_limit = 256);
CREATE INDEX movie_search_persons ON movie_search USING GIN (persons) WITH (gin_pending_list_limit = 256);
CREATE INDEX movie_search_document ON movie_search USING GIN (document) WITH (gin_pending_list_limit = 256);
CREATE INDEX movie_search_title_parts ON movie_search USING GIN (title_parts) WITH (gin_pending_list_limit = 256);
