-- `email_key_version` is the version of the rule by which `email_key` was computed. After the migrations, the program
-- computes the keys of rows with an earlier version again. This cannot be done in SQL, which has no Unicode tables.
--
-- The meaning of `activated_at` changes: from now on it is the time since which the account is active or deactivated, and
-- NULL before the activation. Activation and deactivation remove a contested password (one that may not be the owner's), so
-- it is removed here from accounts that have left the first state.

ALTER TABLE users ADD COLUMN email_key_version INTEGER NOT NULL DEFAULT 1;
UPDATE users SET activated_at = updated_at WHERE NOT is_active AND activated_at IS NOT NULL AND deleted_at IS NULL;
UPDATE users SET hashed_password = '!', is_password_contested = FALSE
WHERE is_password_contested AND activated_at IS NOT NULL;
