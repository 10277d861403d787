DROP TABLE order_exclusions;
DROP TABLE order_items;
DROP TABLE orders;
