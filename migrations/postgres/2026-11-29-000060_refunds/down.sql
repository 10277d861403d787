DROP TABLE refund_items;
DROP TABLE refunds;
