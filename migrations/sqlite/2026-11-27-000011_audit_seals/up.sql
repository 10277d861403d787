-- Seals, which prove that the audit log is unchanged: each covers one part of the log and the previous seal.

CREATE TABLE audit_seals (
    number INTEGER PRIMARY KEY CHECK (number > 0),
    sealed_at INTEGER NOT NULL,
    -- The end of its part, which begins after the part of the previous seal. Rows are ordered by time and identifier.
    until_at INTEGER NOT NULL,
    until_id BLOB NOT NULL,
    row_count INTEGER NOT NULL,
    -- The SHA-256 of all sealed data, and the message authentication code, in hexadecimal.
    digest TEXT NOT NULL,
    tag TEXT NOT NULL
) STRICT;
