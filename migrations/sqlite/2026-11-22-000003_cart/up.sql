-- Carts.

CREATE TABLE carts (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE
) STRICT;

CREATE TABLE cart_items (
    id BLOB PRIMARY KEY,
    cart_id BLOB NOT NULL REFERENCES carts (id) ON DELETE CASCADE,
    movie_id BLOB NOT NULL REFERENCES movies (id),
    added_at INTEGER NOT NULL,
    UNIQUE (cart_id, movie_id)
) STRICT;
CREATE INDEX cart_items_movie_id ON cart_items (movie_id);
