-- The time of the first activation, or of a deactivation before it: an account that has this time and is not active was
-- deactivated, and its owner cannot activate it. And the sort orders of lists of users.

ALTER TABLE users ADD COLUMN activated_at TIMESTAMPTZ;
UPDATE users SET activated_at = updated_at WHERE is_active;
CREATE INDEX users_by_created_at ON users (created_at, id);
CREATE INDEX users_by_email ON users (email_key, id);
