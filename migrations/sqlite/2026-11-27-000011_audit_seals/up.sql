-- What proves that the audit log is as it was: a seal over each part of it, and over the seal before.

CREATE TABLE audit_seals (
    number INTEGER PRIMARY KEY CHECK (number > 0),
    sealed_at INTEGER NOT NULL,
    -- The end of its part, which begins behind that of the seal before: rows are ordered by moment and identifier.
    until_at INTEGER NOT NULL,
    until_id BLOB NOT NULL,
    row_count INTEGER NOT NULL,
    -- The SHA-256 of all that is sealed, and the code that proves who made it, in hexadecimal.
    digest TEXT NOT NULL,
    tag TEXT NOT NULL
) STRICT;
