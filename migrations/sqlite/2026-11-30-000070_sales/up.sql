-- Columns and indexes for the sales report, which is read from the indexes alone, without the rows of the tables.

-- The movie of the order's item, and the time of the sale. Neither ever changes.
ALTER TABLE payment_items ADD COLUMN movie_id BLOB;
ALTER TABLE payment_items ADD COLUMN sold_at INTEGER;
UPDATE payment_items SET
    movie_id = (SELECT o.movie_id FROM order_items o WHERE o.id = payment_items.order_item_id),
    sold_at = (SELECT p.completed_at FROM payments p WHERE p.id = payment_items.payment_id AND p.settlement = 'pays_order');
CREATE INDEX payment_items_by_sold_at ON payment_items (sold_at, price_currency, movie_id, price_minor) WHERE sold_at IS NOT NULL;
CREATE INDEX payment_items_by_movie ON payment_items (movie_id, sold_at, price_currency, price_minor) WHERE sold_at IS NOT NULL;

-- The indexes include the settlement, although their condition fixes its value: otherwise SQLite would read the
-- rows to get it.
DROP INDEX payments_sales;
CREATE INDEX payments_sales ON payments (completed_at, amount_currency, amount_minor, user_id, settlement) WHERE settlement = 'pays_order';
CREATE INDEX payments_buyers ON payments (user_id, completed_at, amount_currency, settlement) WHERE settlement = 'pays_order';
CREATE INDEX orders_made ON orders (created_at, total_currency);
