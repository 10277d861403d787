-- The keys are not changed. Until a backup is restored, the previous version of the program cannot find accounts whose
-- address has letters with a compatibility form (such as the ligature fi, or full-width letters).
ALTER TABLE users DROP COLUMN email_key_version;
