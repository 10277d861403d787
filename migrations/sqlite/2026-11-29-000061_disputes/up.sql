-- Disputes: requests of buyers to their banks to get the money of a payment back.

CREATE TABLE disputes (
    id BLOB PRIMARY KEY,
    payment_id BLOB NOT NULL REFERENCES payments (id),
    -- The identifier of the dispute at the provider.
    external_id TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'won', 'lost')),
    -- The disputed amount, which may differ from the amount of the payment.
    amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
    amount_currency TEXT NOT NULL,
    -- The amount that the provider withdrew and has not returned.
    withdrawn_minor INTEGER NOT NULL CHECK (withdrawn_minor >= 0),
    reason TEXT NOT NULL,
    -- The deadline for the shop's response.
    due_by INTEGER,
    created_at INTEGER NOT NULL,
    closed_at INTEGER,
    -- The time of the next query to the provider.
    next_check_at INTEGER,
    checks INTEGER NOT NULL DEFAULT 0 CHECK (checks >= 0),
    UNIQUE (payment_id, external_id),
    CHECK ((closed_at IS NULL) = (status = 'open'))
) STRICT;
CREATE INDEX disputes_by_created_at ON disputes (created_at, id);
CREATE INDEX disputes_by_status ON disputes (status, created_at, id);
CREATE INDEX disputes_next_check_at ON disputes (next_check_at, id) WHERE next_check_at IS NOT NULL;
