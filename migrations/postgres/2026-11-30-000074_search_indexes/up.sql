-- movie_search_title_parts is the index of the filter by title, which finds a text anywhere in a folded title. Each title
-- is written as its parts of three characters (title_parts.rs). It replaces a trigram index, which finds nothing for texts
-- of fewer than three characters, so that all titles were read for these. The column has a default for nodes of the
-- previous release, which do not write it; the program indexes the movies of such nodes again, because these nodes write
-- an earlier index_version.
--
-- The indexes now collect new entries and write them together, which takes a seventh of the time in an import. A search
-- also reads the collected entries, of which there are at most 256 kB in each index. All are created again, because that
-- takes less time than adding the changed rows one by one.
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
