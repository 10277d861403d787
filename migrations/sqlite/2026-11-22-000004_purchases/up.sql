-- Purchases. A refund revokes the purchase of the refunded movie.

CREATE TABLE purchases (
    id BLOB PRIMARY KEY,
    user_id BLOB NOT NULL REFERENCES users (id),
    movie_id BLOB NOT NULL REFERENCES movies (id),
    purchased_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;
-- A user has at most one purchase of a movie that is not revoked.
CREATE UNIQUE INDEX purchases_live ON purchases (user_id, movie_id) WHERE revoked_at IS NULL;
CREATE INDEX purchases_user_id ON purchases (user_id);
CREATE INDEX purchases_movie_id ON purchases (movie_id);
