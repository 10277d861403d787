-- The time of the first activation, or of a deactivation before it: an account that has this time and is not active was
-- deactivated, and its owner cannot activate it. And the sort order of lists of users; the unique key serves the one by address.

ALTER TABLE users ADD COLUMN activated_at INTEGER;
UPDATE users SET activated_at = updated_at WHERE is_active;
CREATE INDEX users_by_created_at ON users (created_at, id);
