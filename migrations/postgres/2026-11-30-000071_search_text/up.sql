-- SQLite gets the words of each movie as a text here. On PostgreSQL the columns names, persons and document are used for this.
SELECT 1;
