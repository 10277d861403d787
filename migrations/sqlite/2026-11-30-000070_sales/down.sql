DROP INDEX orders_made;
DROP INDEX payments_buyers;
DROP INDEX payments_sales;
CREATE INDEX payments_sales ON payments (completed_at) WHERE settlement = 'pays_order';
DROP INDEX payment_items_by_movie;
DROP INDEX payment_items_by_sold_at;
ALTER TABLE payment_items DROP COLUMN sold_at;
ALTER TABLE payment_items DROP COLUMN movie_id;
