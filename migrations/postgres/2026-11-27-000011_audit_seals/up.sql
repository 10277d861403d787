-- The seals of the audit log, with which later changes of the log are detected. The digest of a seal covers one part of the
-- log and the previous seal.

CREATE TABLE audit_seals (
    number BIGINT PRIMARY KEY CHECK (number > 0),
    sealed_at TIMESTAMPTZ NOT NULL,
    -- The time and the identifier at which the seal's part of the log ends. It begins after the part of the previous seal.
    -- The rows of the log are ordered by time and identifier.
    until_at TIMESTAMPTZ NOT NULL,
    until_id UUID NOT NULL,
    row_count BIGINT NOT NULL,
    -- The SHA-256 of all sealed data, and its message authentication code, both in hexadecimal.
    digest VARCHAR(64) COLLATE "C" NOT NULL,
    tag VARCHAR(64) COLLATE "C" NOT NULL
);
