-- Money that arrives for an order that is already canceled or paid is returned by a scheduled check of the payment. Earlier
-- versions removed this schedule when the same arrival was reported twice, and the money was kept. The next check begins the
-- return.
UPDATE payments SET next_check_at = created_at, checks = 0
WHERE next_check_at IS NULL AND received_minor > 0
    AND settlement IN ('returned_order_canceled', 'returned_order_paid')
    AND NOT EXISTS (SELECT 1 FROM refunds r WHERE r.payment_id = payments.id)
    AND NOT EXISTS (SELECT 1 FROM disputes d WHERE d.payment_id = payments.id AND d.status = 'lost');
