-- Changes only SQLite. On PostgreSQL, movies_name_trigrams is the index of the filter by title.
SELECT 1;
