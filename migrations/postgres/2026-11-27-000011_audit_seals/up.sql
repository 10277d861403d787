-- Seals, which prove that the audit log is unchanged: each covers one part of the log and the previous seal.

CREATE TABLE audit_seals (
    number BIGINT PRIMARY KEY CHECK (number > 0),
    sealed_at TIMESTAMPTZ NOT NULL,
    -- The end of its part, which begins after the part of the previous seal. Rows are ordered by time and identifier.
    until_at TIMESTAMPTZ NOT NULL,
    until_id UUID NOT NULL,
    row_count BIGINT NOT NULL,
    -- The SHA-256 of all sealed data, and the message authentication code, in hexadecimal.
    digest VARCHAR(64) COLLATE "C" NOT NULL,
    tag VARCHAR(64) COLLATE "C" NOT NULL
);
