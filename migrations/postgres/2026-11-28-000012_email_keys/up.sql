-- Which rule a user's `email_key` was made by: rows of an earlier one get a new key when the program has run the migrations,
-- since the rule needs Unicode tables that no SQL has. And `activated_at` is from now on the moment since when an account is
-- active or deactivated; it stays NULL before the activation. A contested password does not outlive that time: deactivation
-- drops it, as activation does.

ALTER TABLE users ADD COLUMN email_key_version SMALLINT NOT NULL DEFAULT 1;
UPDATE users SET activated_at = updated_at WHERE NOT is_active AND activated_at IS NOT NULL AND deleted_at IS NULL;
UPDATE users SET hashed_password = '!', is_password_contested = FALSE
WHERE is_password_contested AND activated_at IS NOT NULL;
