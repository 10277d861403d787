-- When an account was activated first, or deactivated before that: one that has this and may not sign in was deactivated, and
-- its owner cannot activate it. And the orders that users are listed in.

ALTER TABLE users ADD COLUMN activated_at TIMESTAMPTZ;
UPDATE users SET activated_at = updated_at WHERE is_active;
CREATE INDEX users_by_created_at ON users (created_at, id);
CREATE INDEX users_by_email ON users (email_key, id);
