-- The devices that somebody signed in from, so that a new one is told of.

CREATE TABLE known_devices (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The SHA-256 of the User-Agent without its version numbers, in hexadecimal.
    device VARCHAR(64) COLLATE "C" NOT NULL,
    first_seen_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, device)
);
