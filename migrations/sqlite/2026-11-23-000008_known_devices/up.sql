-- The known devices of users, so that a sign-in from a new device can be reported.

CREATE TABLE known_devices (
    user_id BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The SHA-256, in hexadecimal, of the user's identifier and the User-Agent without its version numbers.
    device TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, device)
) STRICT;
