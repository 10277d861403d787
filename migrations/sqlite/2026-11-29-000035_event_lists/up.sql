-- For each payment provider, the position up to which its list of events was read. Reading the list finds events whose
-- webhooks did not arrive.

CREATE TABLE event_lists (
    provider TEXT PRIMARY KEY NOT NULL,
    -- The time of the newest event that was read, by the provider's clock.
    read_until INTEGER NOT NULL
) STRICT;
