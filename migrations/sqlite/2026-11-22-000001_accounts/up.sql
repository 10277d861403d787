-- Accounts and sign-ins.
--
-- In all tables, identifiers are 16 bytes, timestamps are microseconds since 1970, and booleans are 0 or 1.

CREATE TABLE user_groups (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (name IN ('user', 'moderator', 'admin'))
) STRICT;

-- Fixed rows, whose identifiers are used by the program.
INSERT INTO user_groups (id, name) VALUES
    (x'00000000000070008000000000000001', 'user'),
    (x'00000000000070008000000000000002', 'moderator'),
    (x'00000000000070008000000000000003', 'admin');

CREATE TABLE users (
    id BLOB PRIMARY KEY,
    email TEXT NOT NULL,
    -- The normalized form of `email`. Addresses with the same normalized form count as one address, so it must be unique.
    email_key TEXT NOT NULL UNIQUE,
    hashed_password TEXT NOT NULL,
    -- Whether the address was registered again before the activation, with another password or another spelling. It is
    -- then unknown whether the stored password is the owner's.
    is_password_contested INTEGER NOT NULL DEFAULT FALSE CHECK (is_password_contested IN (0, 1)),
    is_active INTEGER NOT NULL DEFAULT FALSE CHECK (is_active IN (0, 1)),
    version INTEGER NOT NULL,
    group_id BLOB NOT NULL REFERENCES user_groups (id),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX users_group_id ON users (group_id);

CREATE TABLE activation_tokens (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    -- The SHA-256 of the token, in hexadecimal.
    token TEXT NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX activation_tokens_expires_at ON activation_tokens (expires_at);

CREATE TABLE password_reset_tokens (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    -- The SHA-256 of the token, in hexadecimal.
    token TEXT NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX password_reset_tokens_expires_at ON password_reset_tokens (expires_at);

CREATE TABLE sessions (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_agent TEXT,
    ip TEXT,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE INDEX sessions_ended_at ON sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE refresh_tokens (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id BLOB NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    token TEXT NOT NULL UNIQUE,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    rotated_at INTEGER
) STRICT;
CREATE INDEX refresh_tokens_user_id ON refresh_tokens (user_id);
CREATE INDEX refresh_tokens_session_id ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expires_at ON refresh_tokens (expires_at);
