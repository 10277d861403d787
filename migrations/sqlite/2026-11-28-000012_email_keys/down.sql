-- This does not change `email_key` back to the earlier rule. So the previous version of the program cannot find accounts
-- whose address has letters with a compatibility form (such as the ligature fi, or full-width letters), unless a backup is
-- restored.
ALTER TABLE users DROP COLUMN email_key_version;
