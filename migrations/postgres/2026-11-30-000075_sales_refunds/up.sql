-- The few payments that did not pay an order, although money was received. The sales report uses this index to exclude the
-- refunds and disputes of these payments.
CREATE INDEX payments_without_sale ON payments (id)
    WHERE received_minor IS NOT NULL AND coalesce(settlement, '') <> 'pays_order';
