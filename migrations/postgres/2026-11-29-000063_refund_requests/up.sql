-- Requests of buyers for refunds. Administrators approve or reject them.

CREATE TABLE refund_requests (
    id UUID PRIMARY KEY,
    order_id UUID NOT NULL REFERENCES orders (id),
    -- The order's buyer.
    user_id UUID NOT NULL REFERENCES users (id),
    status TEXT NOT NULL CHECK (status IN ('open', 'approved', 'rejected')),
    amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
    amount_currency CHAR(3) NOT NULL,
    -- The reason that the buyer gave, or NULL if the buyer's account was deleted.
    reason TEXT,
    -- The administrator's explanation of the decision, or NULL if there is none or the buyer's account was deleted.
    note TEXT,
    -- The refund created by an approval.
    refund_id UUID REFERENCES refunds (id),
    created_at TIMESTAMPTZ NOT NULL,
    decided_at TIMESTAMPTZ,
    CHECK ((decided_at IS NULL) = (status = 'open')),
    CHECK ((refund_id IS NOT NULL) = (status = 'approved'))
);
CREATE INDEX refund_requests_order_id ON refund_requests (order_id, created_at, id);
CREATE INDEX refund_requests_user_id ON refund_requests (user_id, created_at, id);
CREATE INDEX refund_requests_refund_id ON refund_requests (refund_id);
CREATE INDEX refund_requests_by_created_at ON refund_requests (created_at, id);
CREATE INDEX refund_requests_by_status ON refund_requests (status, created_at, id);

CREATE TABLE refund_request_items (
    request_id UUID NOT NULL REFERENCES refund_requests (id),
    order_item_id UUID NOT NULL REFERENCES order_items (id),
    -- Whether the request is open.
    is_open BOOLEAN NOT NULL,
    PRIMARY KEY (request_id, order_item_id)
);
CREATE INDEX refund_request_items_order_item_id ON refund_request_items (order_item_id);
-- A movie of an order is in at most one open request.
CREATE UNIQUE INDEX refund_request_items_open ON refund_request_items (order_item_id) WHERE is_open;
