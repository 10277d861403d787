-- Messages about work to be done after a transaction, such as sending a mail. They are written in the same transaction.

CREATE TABLE outbox (
    id BLOB PRIMARY KEY,
    dedupe_key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    -- The content of the message, encrypted. It is removed after the message was sent.
    payload BLOB NOT NULL,
    available_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    locked_until INTEGER,
    created_at INTEGER NOT NULL,
    sent_at INTEGER,
    dead_at INTEGER,
    last_error TEXT
) STRICT;
CREATE INDEX outbox_due ON outbox (available_at, id) WHERE sent_at IS NULL AND dead_at IS NULL;
CREATE INDEX outbox_sent_at ON outbox (sent_at) WHERE sent_at IS NOT NULL;
