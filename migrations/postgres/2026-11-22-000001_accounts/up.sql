-- Accounts and sign-ins.

CREATE TABLE user_groups (
    id UUID PRIMARY KEY,
    name VARCHAR(50) NOT NULL UNIQUE CHECK (name IN ('user', 'moderator', 'admin'))
);

-- Fixed rows, whose identifiers are used by the program.
INSERT INTO user_groups (id, name) VALUES
    ('00000000-0000-7000-8000-000000000001', 'user'),
    ('00000000-0000-7000-8000-000000000002', 'moderator'),
    ('00000000-0000-7000-8000-000000000003', 'admin');

CREATE TABLE users (
    id UUID PRIMARY KEY,
    email VARCHAR(255) NOT NULL,
    -- The normalized form of `email`. Addresses with the same normalized form count as one address, so it must be unique.
    email_key VARCHAR(255) COLLATE "C" NOT NULL UNIQUE,
    hashed_password VARCHAR(255) NOT NULL,
    -- Whether the address was registered again before the activation, with another password or another spelling. It is
    -- then unknown whether the stored password is the owner's.
    is_password_contested BOOLEAN NOT NULL DEFAULT FALSE,
    is_active BOOLEAN NOT NULL DEFAULT FALSE,
    version BIGINT NOT NULL,
    group_id UUID NOT NULL REFERENCES user_groups (id),
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX users_group_id ON users (group_id);

CREATE TABLE activation_tokens (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    -- The SHA-256 of the token, in hexadecimal.
    token VARCHAR(255) COLLATE "C" NOT NULL UNIQUE,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX activation_tokens_expires_at ON activation_tokens (expires_at);

CREATE TABLE password_reset_tokens (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    -- The SHA-256 of the token, in hexadecimal.
    token VARCHAR(255) COLLATE "C" NOT NULL UNIQUE,
    expires_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX password_reset_tokens_expires_at ON password_reset_tokens (expires_at);

CREATE TABLE sessions (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_agent TEXT,
    ip TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ
);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE INDEX sessions_ended_at ON sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE refresh_tokens (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    session_id UUID NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    token VARCHAR(255) COLLATE "C" NOT NULL UNIQUE,
    issued_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    rotated_at TIMESTAMPTZ
);
CREATE INDEX refresh_tokens_user_id ON refresh_tokens (user_id);
CREATE INDEX refresh_tokens_session_id ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_expires_at ON refresh_tokens (expires_at);
