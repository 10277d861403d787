-- This migration only changes SQLite. On PostgreSQL, migration 000074 replaces the index of the filter by title.
SELECT 1;
