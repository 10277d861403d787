-- Orders with their prices and states.

CREATE TABLE orders (
    id BLOB PRIMARY KEY,
    -- The number of the order that is shown to people.
    number TEXT NOT NULL UNIQUE,
    user_id BLOB NOT NULL REFERENCES users (id),
    status TEXT NOT NULL CHECK (status IN ('pending', 'paid', 'canceled', 'partially_refunded', 'refunded')),
    total_minor INTEGER NOT NULL CHECK (total_minor >= 0),
    total_currency TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    paid_at INTEGER,
    canceled_at INTEGER,
    cancel_reason TEXT CHECK (cancel_reason IN ('by_user', 'expired')),
    -- When the order expires. NULL if the order is not pending, and while its payment is being processed.
    expires_at INTEGER,
    CHECK ((paid_at IS NOT NULL) = (status IN ('paid', 'partially_refunded', 'refunded'))),
    CHECK ((canceled_at IS NOT NULL) = (status = 'canceled')),
    CHECK ((cancel_reason IS NOT NULL) = (status = 'canceled')),
    CHECK (expires_at IS NULL OR status = 'pending')
) STRICT;
CREATE INDEX orders_user_id ON orders (user_id, created_at, id);
CREATE INDEX orders_by_created_at ON orders (created_at, id);
CREATE INDEX orders_by_status ON orders (status, created_at, id);
CREATE INDEX orders_expires_at ON orders (expires_at, id) WHERE expires_at IS NOT NULL;

CREATE TABLE order_items (
    id BLOB PRIMARY KEY,
    order_id BLOB NOT NULL REFERENCES orders (id),
    -- The order's buyer.
    user_id BLOB NOT NULL REFERENCES users (id),
    movie_id BLOB NOT NULL REFERENCES movies (id),
    price_minor INTEGER NOT NULL CHECK (price_minor >= 0),
    price_currency TEXT NOT NULL,
    -- Whether the order is pending.
    is_pending INTEGER NOT NULL CHECK (is_pending IN (0, 1)),
    UNIQUE (order_id, movie_id)
) STRICT;
-- Prevents double payments: a movie is in at most one pending order of a user.
CREATE UNIQUE INDEX order_items_pending ON order_items (user_id, movie_id) WHERE is_pending;
CREATE INDEX order_items_user_id ON order_items (user_id);
CREATE INDEX order_items_movie_id ON order_items (movie_id);

-- Movies that were in the cart but could not be ordered. There is no foreign key to `movies`, because such a movie may be
-- deleted later.
CREATE TABLE order_exclusions (
    order_id BLOB NOT NULL REFERENCES orders (id),
    movie_id BLOB NOT NULL,
    reason TEXT NOT NULL CHECK (reason IN ('already_purchased', 'movie_unavailable')),
    position INTEGER NOT NULL,
    PRIMARY KEY (order_id, movie_id)
) STRICT, WITHOUT ROWID;
