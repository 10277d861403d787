-- The queue of movies whose popularity must be recomputed after actions of users. A background job processes the queue.
CREATE TABLE popularity_queue (
    movie_id UUID PRIMARY KEY REFERENCES movies (id) ON DELETE CASCADE
);
INSERT INTO popularity_queue (movie_id) SELECT id FROM movies WHERE likes > 0 OR rating_count > 0
    UNION SELECT movie_id FROM comments UNION SELECT movie_id FROM purchases WHERE revoked_at IS NULL;
CREATE INDEX purchases_counted ON purchases (movie_id) WHERE revoked_at IS NULL;

-- Movies are sorted by the average of their ratings and ten additional ratings of 5.5, so that a movie with a single rating
-- of 10 does not become the first.
DROP INDEX movies_by_rating_down;
DROP INDEX movies_by_rating_up;
CREATE INDEX movies_by_rating_up ON movies (
    (CASE WHEN rating_count > 0 THEN CAST(rating_sum + 55 AS DOUBLE PRECISION) / (rating_count + 10) ELSE 11.0 END), id
) WHERE is_available;
CREATE INDEX movies_by_rating_down ON movies (
    (CASE WHEN rating_count > 0 THEN CAST(rating_sum + 55 AS DOUBLE PRECISION) / (rating_count + 10) ELSE -1.0 END), id
) WHERE is_available;
