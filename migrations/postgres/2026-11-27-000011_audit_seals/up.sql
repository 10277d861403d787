-- What proves that the audit log is as it was: a seal over each part of it, and over the seal before.

CREATE TABLE audit_seals (
    number BIGINT PRIMARY KEY CHECK (number > 0),
    sealed_at TIMESTAMPTZ NOT NULL,
    -- The end of its part, which begins behind that of the seal before: rows are ordered by moment and identifier.
    until_at TIMESTAMPTZ NOT NULL,
    until_id UUID NOT NULL,
    row_count BIGINT NOT NULL,
    -- The SHA-256 of all that is sealed, and the code that proves who made it, in hexadecimal.
    digest VARCHAR(64) COLLATE "C" NOT NULL,
    tag VARCHAR(64) COLLATE "C" NOT NULL
);
