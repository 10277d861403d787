use async_trait::async_trait;
use chrono::TimeDelta;
use diesel::sql_types::{BigInt, Nullable, Text};
use domain::{
    id::{OrderId, PaymentId},
    money::{Currency, Money},
    payments::{BookedPayment, MoneyChecks, MoneyViolation},
    store::StoreError,
    time::Instant,
};

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant, push_any_text},
    repositories::payment_status,
    statement::Statement,
};

/// How long an order or payment may stay pending after its expiry.
const GRACE: TimeDelta = TimeDelta::minutes(10);

/// Only orders that were paid within this time before the check are checked for a mail, because sent mails are removed
/// from the outbox after a week.
const MAILS_FOR: TimeDelta = TimeDelta::days(6);

/// The maximum number of reported violations for each of the `RULES`.
const MOST: i64 = 100;

/// The placeholder in a rule for the cutoff time: orders and payments that expired before this time must no longer be
/// pending.
const CUTOFF: char = '$';

/// The condition that the item `i` of the payment `p` still entitles the buyer to the movie. It does not, if the item
/// was refunded, if the shop lost a dispute about the payment, or if all the money of the payment was refunded and at
/// least one of the refunds was made outside the shop without naming items. `p` must be the payment that paid its
/// order.
macro_rules! entitled {
    () => {
        "NOT EXISTS (SELECT 1 FROM refund_items x JOIN refunds r ON r.id = x.refund_id \
         WHERE x.payment_item_id = i.id AND r.status = 'succeeded') \
         AND NOT EXISTS (SELECT 1 FROM disputes d WHERE d.payment_id = p.id AND d.status = 'lost') \
         AND NOT (p.refunded_minor >= p.received_minor AND EXISTS (SELECT 1 FROM refunds r \
         WHERE r.payment_id = p.id AND r.origin = 'provider' AND r.status = 'succeeded' \
         AND NOT EXISTS (SELECT 1 FROM refund_items x WHERE x.refund_id = r.id)))"
    };
}

/// The rules. Each has a description of its violation, and a `SELECT` of the identifiers of the rows that violate it.
const RULES: [(&str, &str); 14] = [
    (
        "a payment paid no order, and its money was not returned",
        "SELECT p.id FROM payments p WHERE p.received_minor > 0 AND p.next_check_at IS NULL \
         AND p.settlement IN ('returned_order_canceled', 'returned_order_paid') AND p.received_minor > \
         COALESCE((SELECT SUM(r.amount_minor) FROM refunds r WHERE r.payment_id = p.id AND r.status <> 'failed'), 0) \
         + COALESCE((SELECT SUM(d.amount_minor) FROM disputes d WHERE d.payment_id = p.id AND d.status = 'lost'), 0)",
    ),
    (
        "the amounts of a payment that pays an order do not match, or the order is not paid",
        "SELECT p.id FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.settlement = 'pays_order' AND \
         (p.amount_minor <> o.total_minor OR p.amount_currency <> o.total_currency OR p.received_minor <> p.amount_minor \
         OR o.status IN ('pending', 'canceled') OR p.amount_minor <> \
         COALESCE((SELECT SUM(i.price_minor) FROM payment_items i WHERE i.payment_id = p.id), 0))",
    ),
    (
        "an order is paid without a payment",
        "SELECT o.id FROM orders o WHERE o.status IN ('paid', 'partially_refunded', 'refunded') AND NOT EXISTS \
         (SELECT 1 FROM payments p WHERE p.order_id = o.id AND p.settlement = 'pays_order')",
    ),
    (
        "the total of an order is not the sum of its prices",
        "SELECT o.id FROM orders o WHERE o.total_minor <> \
         COALESCE((SELECT SUM(i.price_minor) FROM order_items i WHERE i.order_id = o.id), 0)",
    ),
    (
        "a movie was paid that its buyer does not have",
        concat!(
            "SELECT oi.id FROM payments p JOIN payment_items i ON i.payment_id = p.id \
             JOIN order_items oi ON oi.id = i.order_item_id WHERE p.settlement = 'pays_order' AND ",
            entitled!(),
            " AND NOT EXISTS (SELECT 1 FROM purchases b WHERE b.user_id = oi.user_id AND b.movie_id = oi.movie_id \
             AND b.revoked_at IS NULL)"
        ),
    ),
    (
        "a buyer has a movie whose payment was refunded or lost",
        concat!(
            "SELECT oi.id FROM payments p JOIN payment_items i ON i.payment_id = p.id \
             JOIN order_items oi ON oi.id = i.order_item_id JOIN purchases b ON b.id = oi.id AND b.revoked_at IS NULL \
             WHERE p.settlement = 'pays_order' AND NOT (",
            entitled!(),
            ")"
        ),
    ),
    (
        "a buyer has a movie that was not paid",
        "SELECT b.id FROM purchases b WHERE b.revoked_at IS NULL AND NOT EXISTS (SELECT 1 FROM payment_items i \
         JOIN payments p ON p.id = i.payment_id WHERE i.order_item_id = b.id AND p.settlement = 'pays_order')",
    ),
    (
        "a purchase is suspended without an open dispute, or is not suspended although a dispute is open",
        "SELECT b.id FROM purchases b JOIN payment_items i ON i.order_item_id = b.id \
         JOIN payments p ON p.id = i.payment_id WHERE p.settlement = 'pays_order' AND b.revoked_at IS NULL \
         AND (b.suspended_at IS NOT NULL) <> \
         EXISTS (SELECT 1 FROM disputes d WHERE d.payment_id = p.id AND d.status = 'open')",
    ),
    (
        "the refunded amount of a payment is not the sum of its refunds, or exceeds the received amount",
        "SELECT p.id FROM payments p WHERE p.refunded_minor > COALESCE(p.received_minor, 0) OR p.refunded_minor <> \
         COALESCE((SELECT SUM(r.amount_minor) FROM refunds r WHERE r.payment_id = p.id AND r.status = 'succeeded'), 0)",
    ),
    (
        "the entries of a payment in the ledger do not sum up to zero",
        "SELECT e.payment_id FROM ledger_entries e GROUP BY e.payment_id, e.amount_currency \
         HAVING SUM(e.amount_minor) <> 0",
    ),
    (
        "the ledger differs from the provider's balance of a payment",
        "SELECT p.id FROM payments p WHERE COALESCE((SELECT SUM(e.amount_minor) FROM ledger_entries e \
         WHERE e.payment_id = p.id AND e.account = 'provider'), 0) <> COALESCE(p.received_minor, 0) - p.refunded_minor \
         - COALESCE((SELECT SUM(d.withdrawn_minor) FROM disputes d WHERE d.payment_id = p.id), 0)",
    ),
    (
        "an order is pending although it has expired",
        "SELECT o.id FROM orders o WHERE o.status = 'pending' AND o.expires_at < $",
    ),
    (
        "a payment or refund is pending without a scheduled check, or a payment is pending after its checkout expired",
        "SELECT p.id FROM payments p WHERE (p.status IN ('pending', 'processing') AND p.next_check_at IS NULL) \
         OR (p.status = 'pending' AND p.checkout_expires_at < $) UNION \
         SELECT r.id FROM refunds r WHERE r.status = 'pending' AND r.next_check_at IS NULL",
    ),
    (
        "a buyer was not notified once of a paid order",
        "SELECT o.id FROM orders o JOIN users u ON u.id = o.user_id WHERE o.paid_at IS NOT NULL \
         AND u.deleted_at IS NULL AND (SELECT COUNT(*) FROM notifications n WHERE n.user_id = o.user_id \
         AND n.kind = 'order_paid' AND n.order_id = o.id) <> 1",
    ),
];

type BookedTypes = (
    SqlId,
    SqlId,
    (Nullable<Text>, Nullable<Text>, Text),
    (Nullable<BigInt>, Nullable<Text>, BigInt, BigInt),
);
type BookedRow =
    (DbUuid, DbUuid, (Option<String>, Option<String>, String), (Option<i64>, Option<String>, i64, i64));

#[async_trait]
impl MoneyChecks for Database {
    async fn money_violations(&self, now: Instant) -> Result<Vec<MoneyViolation>, StoreError> {
        let cutoff = now.checked_sub_signed(GRACE).unwrap_or(now);
        let mut violations = Vec::new();
        for (rule, sql) in RULES {
            let mut statement = Statement::<(SqlId,)>::new("");
            for (place, part) in sql.split(CUTOFF).enumerate() {
                if place > 0 {
                    statement.bind(cutoff);
                }
                statement.sql(part);
            }
            statement.sql(" LIMIT ").bind(MOST);
            let found: Vec<(DbUuid,)> = self.fetch(statement).await?;
            violations.extend(found.into_iter().map(|(id,)| MoneyViolation {
                rule,
                subject: id.0,
                details: None,
            }));
        }
        violations.extend(self.unmailed_orders(now).await?);
        Ok(violations)
    }

    async fn booked_payments(
        &self,
        provider: &str,
        since: Instant,
        after: Option<PaymentId>,
        limit: u32,
    ) -> Result<Vec<BookedPayment>, StoreError> {
        let mut statement = Statement::<BookedTypes>::new(
            "SELECT p.id, p.order_id, p.checkout_id, p.charge, p.status, p.received_minor, p.received_currency, \
             p.refunded_minor, CAST(COALESCE((SELECT SUM(d.withdrawn_minor) FROM disputes d \
             WHERE d.payment_id = p.id), 0) AS BIGINT) FROM payments p WHERE p.provider = ",
        );
        statement.bind(provider.to_owned()).sql(" AND p.created_at >= ").bind(since);
        if let Some(after) = after {
            statement.sql(" AND p.id > ").bind(after.as_uuid());
        }
        statement.sql(" ORDER BY p.id LIMIT ").bind(i64::from(limit));
        let rows: Vec<BookedRow> = self.fetch(statement).await?;
        let payment = |(id, order_id, (checkout_id, charge, status), money): BookedRow| {
            let (minor, currency, refunded_minor, withdrawn_minor) = money;
            let currency: Option<Currency> =
                currency.map(|code| code.parse()).transpose().map_err(StoreError::failed)?;
            Ok(BookedPayment {
                id: PaymentId::from_uuid(id.0),
                order_id: OrderId::from_uuid(order_id.0),
                checkout_id,
                charge,
                status: payment_status(&status)?,
                received: minor.zip(currency).map(|(minor, currency)| Money::from_minor(minor, currency)),
                refunded_minor,
                withdrawn_minor,
            })
        };
        rows.into_iter().map(payment).collect()
    }
}

impl Database {
    /// Returns a violation for each recently paid order that has no mail about the payment in the outbox, unless the
    /// buyer has deleted the account. A mail counts even if it has not been sent yet or could not be sent.
    async fn unmailed_orders(&self, now: Instant) -> Result<Vec<MoneyViolation>, StoreError> {
        let mut violations = Vec::new();
        let mut after = (now.checked_sub_signed(MAILS_FOR).unwrap_or(now), uuid::Uuid::nil());
        loop {
            let mut statement = Statement::<(SqlInstant, SqlId)>::new(
                "SELECT o.paid_at, o.id FROM orders o JOIN users u ON u.id = o.user_id WHERE u.deleted_at IS NULL \
                 AND (o.paid_at, o.id) > (",
            );
            statement.bind(after.0).sql(", ").bind(after.1).sql(") ORDER BY o.paid_at, o.id LIMIT 500");
            let paid: Vec<(DbInstant, DbUuid)> = self.fetch(statement).await?;
            let Some(last) = paid.last() else { return Ok(violations) };
            after = (last.0.0, last.1.0);
            let keys: Vec<_> =
                paid.iter().map(|(_, id)| format!("order_paid:{}", OrderId::from_uuid(id.0))).collect();
            let mut statement = Statement::<(Text,)>::new("SELECT dedupe_key FROM outbox WHERE ");
            push_any_text(&mut statement, "dedupe_key", &keys);
            let mailed: Vec<(String,)> = self.fetch(statement).await?;
            let is_mailed = |key: &String| mailed.iter().any(|(found,)| found == key);
            let missing = paid.iter().zip(&keys).filter(|(_, key)| !is_mailed(key));
            violations.extend(missing.map(|((_, id), _)| MoneyViolation {
                rule: "a buyer got no mail about a paid order",
                subject: id.0,
                details: None,
            }));
        }
    }
}
