-- On PostgreSQL, version 2 of the rows of movie_search adds the parts of the title. On SQLite, rows of version 1 already have
-- them because of migration 000073, so only their version changes.
UPDATE movie_search SET index_version = 2 WHERE index_version = 1;
