-- On SQLite, this migration adds a column with the words of each movie. PostgreSQL needs no such column, because it has the
-- columns names, persons and document.
SELECT 1;
