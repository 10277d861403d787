-- Payments (each is an attempt to pay an order), and the events of payment providers about them.

-- The table has one row, which identifies this shop among all shops with the same account at a payment provider.
CREATE TABLE shop (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    shop_id BLOB NOT NULL
) STRICT;

CREATE TABLE payments (
    id BLOB PRIMARY KEY,
    order_id BLOB NOT NULL REFERENCES orders (id),
    -- The order's buyer.
    user_id BLOB NOT NULL REFERENCES users (id),
    provider TEXT NOT NULL,
    status TEXT NOT NULL CHECK (
        status IN ('pending', 'processing', 'successful', 'failed', 'canceled', 'partially_refunded', 'refunded')
    ),
    amount_minor INTEGER NOT NULL CHECK (amount_minor >= 0),
    amount_currency TEXT NOT NULL,
    -- The received amount. If it differs from the requested amount, the payment has failed for this reason.
    received_minor INTEGER CHECK (received_minor >= 0),
    received_currency TEXT,
    refunded_minor INTEGER NOT NULL DEFAULT 0,
    disputed_minor INTEGER NOT NULL DEFAULT 0 CHECK (disputed_minor >= 0),
    -- The request to the provider, in JSON. It is kept until it is known whether the checkout was opened.
    request TEXT,
    checkout_id TEXT,
    checkout_url TEXT,
    checkout_expires_at INTEGER,
    -- The provider's identifier of the charge.
    charge TEXT,
    failure_code TEXT,
    failed_at INTEGER,
    -- How the received money is used: it pays the order, or it is returned because the order was canceled or already paid.
    settlement TEXT CHECK (settlement IN ('pays_order', 'returned_order_canceled', 'returned_order_paid')),
    created_at INTEGER NOT NULL,
    completed_at INTEGER,
    -- The time of the next query to the provider.
    next_check_at INTEGER,
    checks INTEGER NOT NULL DEFAULT 0 CHECK (checks >= 0),
    CHECK ((completed_at IS NULL) = (status IN ('pending', 'processing'))),
    CHECK ((failure_code IS NULL) = (failed_at IS NULL)),
    CHECK (status <> 'failed' OR failure_code IS NOT NULL),
    CHECK ((received_minor IS NULL) = (received_currency IS NULL)),
    CHECK (received_minor IS NULL OR status NOT IN ('pending', 'processing', 'canceled')),
    CHECK (received_minor IS NOT NULL OR status NOT IN ('successful', 'partially_refunded', 'refunded')),
    CHECK (refunded_minor BETWEEN 0 AND COALESCE(received_minor, 0)),
    CHECK (settlement IS NULL OR received_minor IS NOT NULL)
) STRICT;
-- At most one open checkout per order.
CREATE UNIQUE INDEX payments_open ON payments (order_id) WHERE status IN ('pending', 'processing');
-- An order is paid at most once.
CREATE UNIQUE INDEX payments_settled ON payments (order_id) WHERE settlement = 'pays_order';
CREATE UNIQUE INDEX payments_checkout_id ON payments (provider, checkout_id);
CREATE UNIQUE INDEX payments_charge ON payments (provider, charge);
CREATE INDEX payments_order_id ON payments (order_id);
CREATE INDEX payments_user_id ON payments (user_id, created_at, id);
CREATE INDEX payments_by_created_at ON payments (created_at, id);
CREATE INDEX payments_by_status ON payments (status, created_at, id);
CREATE INDEX payments_next_check_at ON payments (next_check_at, id) WHERE next_check_at IS NOT NULL;

CREATE TABLE payment_items (
    id BLOB PRIMARY KEY,
    payment_id BLOB NOT NULL REFERENCES payments (id),
    order_item_id BLOB NOT NULL REFERENCES order_items (id),
    price_minor INTEGER NOT NULL CHECK (price_minor >= 0),
    price_currency TEXT NOT NULL,
    UNIQUE (payment_id, order_item_id)
) STRICT;
CREATE INDEX payment_items_order_item_id ON payment_items (order_item_id);

-- Verified events of providers. The bodies of events are not stored, because the object of an event is read from the provider.
CREATE TABLE webhook_events (
    id BLOB PRIMARY KEY,
    provider TEXT NOT NULL,
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL CHECK (subject IN ('checkout', 'refunds', 'dispute', 'other')),
    -- The object's identifier at the provider.
    reference TEXT,
    received_at INTEGER NOT NULL,
    available_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    locked_until INTEGER,
    processed_at INTEGER,
    last_error TEXT,
    UNIQUE (provider, event_id),
    CHECK ((reference IS NULL) = (subject = 'other'))
) STRICT;
CREATE INDEX webhook_events_due ON webhook_events (available_at, id) WHERE processed_at IS NULL;
