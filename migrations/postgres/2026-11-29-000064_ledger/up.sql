-- The ledger (double-entry bookkeeping): every movement of money is written as entries in several accounts, whose amounts
-- sum up to zero. Entries are added and never changed.

CREATE TABLE ledger_entries (
    id UUID PRIMARY KEY,
    -- The kind of the object whose movement of money the entry records. `subject_id` is its identifier.
    subject TEXT NOT NULL CHECK (subject IN ('payment', 'refund', 'dispute')),
    subject_id UUID NOT NULL,
    payment_id UUID NOT NULL REFERENCES payments (id),
    account TEXT NOT NULL CHECK (account IN ('provider', 'sales', 'refunds', 'disputes', 'unallocated')),
    amount_minor BIGINT NOT NULL CHECK (amount_minor <> 0),
    amount_currency CHAR(3) NOT NULL,
    booked_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX ledger_entries_payment_id ON ledger_entries (payment_id);

-- Inserts entries for the existing payments and refunds.
INSERT INTO ledger_entries (id, subject, subject_id, payment_id, account, amount_minor, amount_currency, booked_at)
SELECT gen_random_uuid(), 'payment', id, id, 'provider', received_minor, received_currency, completed_at
FROM payments WHERE received_minor > 0;
INSERT INTO ledger_entries (id, subject, subject_id, payment_id, account, amount_minor, amount_currency, booked_at)
SELECT gen_random_uuid(), 'payment', id, id, CASE WHEN settlement = 'pays_order' THEN 'sales' ELSE 'unallocated' END,
    -received_minor, received_currency, completed_at
FROM payments WHERE received_minor > 0;
INSERT INTO ledger_entries (id, subject, subject_id, payment_id, account, amount_minor, amount_currency, booked_at)
SELECT gen_random_uuid(), 'refund', id, payment_id, 'provider', -amount_minor, amount_currency, completed_at
FROM refunds WHERE status = 'succeeded' AND amount_minor > 0;
INSERT INTO ledger_entries (id, subject, subject_id, payment_id, account, amount_minor, amount_currency, booked_at)
SELECT gen_random_uuid(), 'refund', r.id, r.payment_id,
    CASE WHEN p.settlement = 'pays_order' THEN 'refunds' ELSE 'unallocated' END, r.amount_minor, r.amount_currency, r.completed_at
FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE r.status = 'succeeded' AND r.amount_minor > 0;

-- Indexes for the sales report.
CREATE INDEX payments_sales ON payments (completed_at) WHERE settlement = 'pays_order';
CREATE INDEX refunds_by_completed_at ON refunds (completed_at) WHERE status = 'succeeded';
CREATE INDEX disputes_by_closed_at ON disputes (closed_at) WHERE status = 'lost';
