-- The time at which an account was deleted, of which an anonymous row is kept. And the user of an outbox message, so that
-- waiting messages can be deleted with the account.

ALTER TABLE users ADD COLUMN deleted_at TIMESTAMPTZ;
CREATE INDEX users_deleted_at ON users (deleted_at) WHERE deleted_at IS NOT NULL;
ALTER TABLE outbox ADD COLUMN user_id UUID;
CREATE INDEX outbox_user_id ON outbox (user_id);
