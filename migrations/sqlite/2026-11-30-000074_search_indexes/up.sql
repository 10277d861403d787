-- The entries already have what PostgreSQL's entries get in this version.
UPDATE movie_search SET index_version = 2 WHERE index_version = 1;
