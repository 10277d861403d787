-- Only SQLite gets a column with the words of each movie. PostgreSQL has the columns names, persons and document.
SELECT 1;
