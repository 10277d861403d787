-- Requests with an idempotency key, and the answers that are given again when they are repeated.

CREATE TABLE idempotency_keys (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    method TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    -- The SHA-256 of the body, in hexadecimal.
    fingerprint VARCHAR(64) COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- What the request made.
    object_id UUID,
    -- The answer, once there is one: the HTTP status, and what its body is written from.
    status INTEGER,
    answer TEXT,
    UNIQUE (user_id, method, path, idempotency_key),
    CHECK ((status IS NULL) = (answer IS NULL)),
    CHECK (status IS NOT NULL OR object_id IS NOT NULL)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_unanswered ON idempotency_keys (object_id) WHERE status IS NULL;
