ALTER INDEX movie_search_document RESET (gin_pending_list_limit);
ALTER INDEX movie_search_document SET (fastupdate = off);
ALTER INDEX movie_search_persons RESET (gin_pending_list_limit);
ALTER INDEX movie_search_persons SET (fastupdate = off);
ALTER INDEX movie_search_names RESET (gin_pending_list_limit);
ALTER INDEX movie_search_names SET (fastupdate = off);
CREATE INDEX movies_name_trigrams ON movies USING GIN (name_key gin_trgm_ops);
ALTER TABLE movie_search DROP COLUMN title_parts;
UPDATE movie_search SET index_version = 1 WHERE index_version = 2;
