-- Requests with an idempotency key, and their responses, which are sent again if a request is repeated.

CREATE TABLE idempotency_keys (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    -- The SHA-256 of the body, in hexadecimal.
    fingerprint TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- The resource created by the request.
    object_id BLOB,
    -- The response: the HTTP status, and the data of the body. NULL until the response is stored.
    status INTEGER,
    answer TEXT,
    UNIQUE (user_id, method, path, idempotency_key),
    CHECK ((status IS NULL) = (answer IS NULL)),
    CHECK (status IS NOT NULL OR object_id IS NOT NULL)
) STRICT;
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_unanswered ON idempotency_keys (object_id) WHERE status IS NULL;
