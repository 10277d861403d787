-- How far the lists of events of payment providers were read: what is behind may have been missed.

CREATE TABLE event_lists (
    provider TEXT PRIMARY KEY NOT NULL,
    -- When the newest event that was read was made, by the provider's clock.
    read_until INTEGER NOT NULL
) STRICT;
