DROP TABLE webhook_events;
DROP TABLE payment_items;
DROP TABLE payments;
DROP TABLE shop;
