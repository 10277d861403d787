-- The few payments that did not pay an order, although money was received. The sales report excludes their refunds and
-- disputes, and finds them with this index.
CREATE INDEX payments_without_sale ON payments (id)
    WHERE received_minor IS NOT NULL AND coalesce(settlement, '') <> 'pays_order';
