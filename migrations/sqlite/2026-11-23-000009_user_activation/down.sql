DROP INDEX users_by_created_at;
ALTER TABLE users DROP COLUMN activated_at;
