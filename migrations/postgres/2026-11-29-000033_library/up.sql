-- The time since which a purchase is suspended because its payment is disputed.
ALTER TABLE purchases ADD COLUMN suspended_at TIMESTAMPTZ;
-- The library of a user, newest first.
CREATE INDEX purchases_library ON purchases (user_id, purchased_at, movie_id) WHERE revoked_at IS NULL;
