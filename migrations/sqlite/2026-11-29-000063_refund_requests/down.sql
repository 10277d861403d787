DROP TABLE refund_request_items;
DROP TABLE refund_requests;
