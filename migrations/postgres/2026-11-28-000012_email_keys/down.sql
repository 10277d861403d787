-- The keys stay as they are. To the version before, accounts whose address has letters with a compatibility form (such as the
-- ligature fi, or full-width letters) are unknown until a backup is restored.
ALTER TABLE users DROP COLUMN email_key_version;
