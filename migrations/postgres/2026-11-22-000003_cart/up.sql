-- Carts.

CREATE TABLE carts (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE
);

CREATE TABLE cart_items (
    id UUID PRIMARY KEY,
    cart_id UUID NOT NULL REFERENCES carts (id) ON DELETE CASCADE,
    movie_id UUID NOT NULL REFERENCES movies (id),
    added_at TIMESTAMPTZ NOT NULL,
    UNIQUE (cart_id, movie_id)
);
CREATE INDEX cart_items_movie_id ON cart_items (movie_id);
