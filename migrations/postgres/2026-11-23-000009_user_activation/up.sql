-- `activated_at` is the time of the first activation, or of a deactivation before the first activation. So an account that
-- is not active, but has this time, was deactivated, and its owner cannot activate it. The indexes are for the sort orders
-- of lists of users.

ALTER TABLE users ADD COLUMN activated_at TIMESTAMPTZ;
UPDATE users SET activated_at = updated_at WHERE is_active;
CREATE INDEX users_by_created_at ON users (created_at, id);
CREATE INDEX users_by_email ON users (email_key, id);
