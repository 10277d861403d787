-- The sales report leaves out refunds and disputes of payments that did not pay an order. There are few such payments.
CREATE INDEX payments_without_sale ON payments (id)
    WHERE received_minor IS NOT NULL AND coalesce(settlement, '') <> 'pays_order';
