-- When an account was activated first, or deactivated before that: one that has this and may not sign in was deactivated, and
-- its owner cannot activate it. And the order that users are listed in; that by the address is the order of its unique key.

ALTER TABLE users ADD COLUMN activated_at INTEGER;
UPDATE users SET activated_at = updated_at WHERE is_active;
CREATE INDEX users_by_created_at ON users (created_at, id);
