-- Purchases. A refund revokes the purchase of the refunded movie.

CREATE TABLE purchases (
    id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES users (id),
    movie_id UUID NOT NULL REFERENCES movies (id),
    purchased_at TIMESTAMPTZ NOT NULL,
    revoked_at TIMESTAMPTZ
);
-- A user has at most one purchase of a movie that is not revoked.
CREATE UNIQUE INDEX purchases_live ON purchases (user_id, movie_id) WHERE revoked_at IS NULL;
CREATE INDEX purchases_user_id ON purchases (user_id);
CREATE INDEX purchases_movie_id ON purchases (movie_id);
