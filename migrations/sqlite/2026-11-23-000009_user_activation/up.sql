-- `activated_at` is the time of the first activation, or of a deactivation before the first activation. So an account that
-- is not active, but has this time, was deactivated, and its owner cannot activate it. The index is for lists of users
-- that are sorted by time. Lists that are sorted by address use the index of the unique key.

ALTER TABLE users ADD COLUMN activated_at INTEGER;
UPDATE users SET activated_at = updated_at WHERE is_active;
CREATE INDEX users_by_created_at ON users (created_at, id);
