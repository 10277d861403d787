-- The known devices of users, so that a sign-in from a new device can be reported.

CREATE TABLE known_devices (
    user_id UUID NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The SHA-256 of the User-Agent without its version numbers, in hexadecimal.
    device VARCHAR(64) COLLATE "C" NOT NULL,
    first_seen_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (user_id, device)
);
