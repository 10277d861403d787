-- Version 2 of the entries adds the parts of the title on PostgreSQL. On SQLite, migration 000073 has already added them.
UPDATE movie_search SET index_version = 2 WHERE index_version = 1;
