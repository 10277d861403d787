-- `users.deleted_at` is the time at which the account was deleted: its row is kept without personal data.
-- `outbox.user_id` is the receiver of the message. It is stored so that waiting messages can be deleted with the account.

ALTER TABLE users ADD COLUMN deleted_at TIMESTAMPTZ;
CREATE INDEX users_deleted_at ON users (deleted_at) WHERE deleted_at IS NOT NULL;
ALTER TABLE outbox ADD COLUMN user_id UUID;
CREATE INDEX outbox_user_id ON outbox (user_id);
