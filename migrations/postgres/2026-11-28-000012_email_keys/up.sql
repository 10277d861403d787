-- The version of the rule for `email_key`: rows of an earlier version get a new key after the program has run the migrations,
-- because the rule needs Unicode tables that SQL does not have. And `activated_at` is from now on the time since which an
-- account is active or deactivated; it is NULL before the activation. A contested password is only kept until then: it is
-- removed by deactivation and by activation.

ALTER TABLE users ADD COLUMN email_key_version SMALLINT NOT NULL DEFAULT 1;
UPDATE users SET activated_at = updated_at WHERE NOT is_active AND activated_at IS NOT NULL AND deleted_at IS NULL;
UPDATE users SET hashed_password = '!', is_password_contested = FALSE
WHERE is_password_contested AND activated_at IS NOT NULL;
