-- The positions up to which the event lists of payment providers were read. Later events may have been missed.

CREATE TABLE event_lists (
    provider TEXT COLLATE "C" PRIMARY KEY,
    -- The time of the newest event that was read, by the provider's clock.
    read_until TIMESTAMPTZ NOT NULL
);
