DROP INDEX outbox_user_id;
ALTER TABLE outbox DROP COLUMN user_id;
DROP INDEX users_deleted_at;
ALTER TABLE users DROP COLUMN deleted_at;
