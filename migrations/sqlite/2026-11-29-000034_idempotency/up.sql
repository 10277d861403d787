-- Requests with an idempotency key, and the answers that are given again when they are repeated.

CREATE TABLE idempotency_keys (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    -- The SHA-256 of the body, in hexadecimal.
    fingerprint TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- What the request made.
    object_id BLOB,
    -- The answer, once there is one: the HTTP status, and what its body is written from.
    status INTEGER,
    answer TEXT,
    UNIQUE (user_id, method, path, idempotency_key),
    CHECK ((status IS NULL) = (answer IS NULL)),
    CHECK (status IS NOT NULL OR object_id IS NOT NULL)
) STRICT;
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_unanswered ON idempotency_keys (object_id) WHERE status IS NULL;
