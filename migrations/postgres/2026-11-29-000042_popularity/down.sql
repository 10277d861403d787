DROP INDEX purchases_counted;
DROP INDEX movies_by_rating_down;
DROP INDEX movies_by_rating_up;
CREATE INDEX movies_by_rating_up ON movies (
    (CASE WHEN rating_count > 0 THEN CAST(rating_sum AS DOUBLE PRECISION) / rating_count ELSE 11.0 END), id
) WHERE is_available;
CREATE INDEX movies_by_rating_down ON movies (
    (CASE WHEN rating_count > 0 THEN CAST(rating_sum AS DOUBLE PRECISION) / rating_count ELSE -1.0 END), id
) WHERE is_available;

UPDATE movies SET popularity = votes WHERE popularity <> votes;
DROP TABLE popularity_queue;
