-- Users who deleted their accounts: a nameless row stays for the books. And whom a message of the outbox is about, so that
-- what waits can go with the account.

ALTER TABLE users ADD COLUMN deleted_at INTEGER;
CREATE INDEX users_deleted_at ON users (deleted_at) WHERE deleted_at IS NOT NULL;
ALTER TABLE outbox ADD COLUMN user_id BLOB;
CREATE INDEX outbox_user_id ON outbox (user_id);
