-- Requests with an idempotency key, and their responses, which are sent again if a request is repeated.

CREATE TABLE idempotency_keys (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    method TEXT COLLATE "C" NOT NULL,
    path TEXT COLLATE "C" NOT NULL,
    idempotency_key TEXT COLLATE "C" NOT NULL,
    -- The SHA-256 of the body, in hexadecimal.
    fingerprint VARCHAR(64) COLLATE "C" NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- The resource created by the request.
    object_id UUID,
    -- The response: the HTTP status, and the data of the body. NULL until the response is stored.
    status INTEGER,
    answer TEXT,
    UNIQUE (user_id, method, path, idempotency_key),
    CHECK ((status IS NULL) = (answer IS NULL)),
    CHECK (status IS NOT NULL OR object_id IS NOT NULL)
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_unanswered ON idempotency_keys (object_id) WHERE status IS NULL;
