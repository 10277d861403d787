-- Refunds of payments.

CREATE TABLE refunds (
    id BLOB PRIMARY KEY,
    payment_id BLOB NOT NULL REFERENCES payments (id),
    -- Who started the refund: an administrator of the shop, this program itself, or someone at the payment provider, without
    -- the shop.
    origin TEXT NOT NULL CHECK (origin IN ('administrator', 'automatic', 'provider')),
    status TEXT NOT NULL CHECK (status IN ('pending', 'succeeded', 'failed')),
    amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
    amount_currency TEXT NOT NULL,
    reason TEXT NOT NULL,
    -- The identifier of the refund at the provider.
    external_id TEXT,
    created_at INTEGER NOT NULL,
    completed_at INTEGER,
    -- The time of the next query to the provider.
    next_check_at INTEGER,
    checks INTEGER NOT NULL DEFAULT 0 CHECK (checks >= 0),
    CHECK ((completed_at IS NULL) = (status = 'pending'))
) STRICT;
CREATE INDEX refunds_payment_id ON refunds (payment_id, created_at, id);
CREATE UNIQUE INDEX refunds_external_id ON refunds (payment_id, external_id);
-- At most one automatic refund per payment.
CREATE UNIQUE INDEX refunds_automatic ON refunds (payment_id) WHERE origin = 'automatic';
CREATE INDEX refunds_next_check_at ON refunds (next_check_at, id) WHERE next_check_at IS NOT NULL;

CREATE TABLE refund_items (
    refund_id BLOB NOT NULL REFERENCES refunds (id),
    payment_item_id BLOB NOT NULL REFERENCES payment_items (id),
    -- Whether the status of the refund is `pending` or `succeeded`, not `failed`.
    is_active INTEGER NOT NULL CHECK (is_active IN (0, 1)),
    PRIMARY KEY (refund_id, payment_item_id)
) STRICT;
CREATE INDEX refund_items_payment_item_id ON refund_items (payment_item_id);
-- An item is refunded at most once.
CREATE UNIQUE INDEX refund_items_active ON refund_items (payment_item_id) WHERE is_active;

-- Inserts rows for the automatic refunds of earlier versions, which were only stored in `payments`.
INSERT INTO refunds (id, payment_id, origin, status, amount_minor, amount_currency, reason, created_at, completed_at)
SELECT id, id, 'automatic', 'succeeded', refunded_minor, received_currency, 'The payment paid no order.', completed_at, completed_at
FROM payments WHERE refunded_minor > 0;

-- Each purchase gets the identifier of the order's item, so that a refund of the item revokes this purchase and no other.
UPDATE purchases SET id = i.id
FROM order_items i JOIN orders o ON o.id = i.order_id
WHERE i.user_id = purchases.user_id AND i.movie_id = purchases.movie_id AND purchases.revoked_at IS NULL AND o.status = 'paid';
