-- The audit log: actions that are relevant for security or money. Rows are added and never changed. Users are referred to
-- by identifiers without a foreign key, so that the rows are kept after the deletion of a user.

CREATE TABLE audit_log (
    id BLOB PRIMARY KEY,
    created_at INTEGER NOT NULL,
    action TEXT NOT NULL,
    actor_id BLOB,
    object_kind TEXT,
    object_id BLOB,
    -- The values before and after the action, as JSON objects whose members are texts.
    before TEXT,
    after TEXT,
    -- The network of the caller's IP address: /24 for IPv4, /48 for IPv6.
    ip TEXT,
    request_id TEXT,
    CHECK ((object_kind IS NULL) = (object_id IS NULL))
) STRICT;
CREATE INDEX audit_log_created_at ON audit_log (created_at, id);
CREATE INDEX audit_log_action ON audit_log (action, created_at, id);
CREATE INDEX audit_log_actor_id ON audit_log (actor_id, created_at, id);
CREATE INDEX audit_log_object_id ON audit_log (object_id, created_at, id);
