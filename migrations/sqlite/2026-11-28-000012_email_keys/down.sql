-- The keys are not changed. The previous version cannot find accounts whose address has letters with a compatibility form
-- (such as the ligature fi, or full-width letters) until a backup is restored.
ALTER TABLE users DROP COLUMN email_key_version;
