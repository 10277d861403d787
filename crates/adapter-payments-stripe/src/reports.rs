//! Converts the objects of Stripe's API to the reports of the domain.

use domain::{
    id::{Id, Kind},
    money::Money,
    payments::{
        CheckoutReport, DisputeReport, PaymentFailure, ProviderCheckout, ProviderDispute, ProviderRefund,
        RefundReport,
    },
    time::Instant,
};

use crate::{
    amounts,
    objects::{BalanceTransaction, Charge, Dispute, Expandable, Intent, Metadata, Refund, Session},
};

/// The failure code of a payment for which Stripe gives no code.
const UNKNOWN_FAILURE: &str = "generic_decline";

fn instant(seconds: i64) -> Option<Instant> {
    Instant::from_timestamp(seconds, 0)
}

/// The identifier that the shop stored in the metadata field `name`; `None` when it is missing or malformed.
fn id_in<K: Kind>(metadata: Option<&Metadata>, name: &str) -> Option<Id<K>> {
    metadata?.get(name)?.parse().ok()
}

/// Converts a session to a checkout; `None` for a session that cannot belong to the shop, for example because it takes
/// no payment or has an unknown currency.
pub(crate) fn checkout(session: &Session, now: Instant) -> Option<ProviderCheckout> {
    if session.mode.as_deref().is_some_and(|mode| mode != "payment") {
        return None;
    }
    let amount = amounts::from_units(session.amount_total?, session.currency.as_deref()?)?;
    let report = checkout_report(session, amount, now)?;
    let has_money = matches!(report, CheckoutReport::Paid { .. } | CheckoutReport::Processing);
    let metadata = session.metadata.as_ref();
    Some(ProviderCheckout {
        id: session.id.clone(),
        shop_id: id_in(metadata, "shop_id"),
        order_id: id_in(metadata, "order_id"),
        payment_id: id_in(metadata, "payment_id"),
        url: session.url.clone().filter(|_| session.status.as_deref() == Some("open")),
        amount,
        charge: session.payment_intent.as_ref().filter(|_| has_money).map(|intent| intent.id().to_owned()),
        report,
        created_at: instant(session.created)?,
        expires_at: instant(session.expires_at)?,
    })
}

/// The report about the state of a session. Only `payment_status` decides whether the session is paid: a complete
/// session may still wait for its money.
fn checkout_report(session: &Session, amount: Money, now: Instant) -> Option<CheckoutReport> {
    let intent = session.payment_intent.as_ref().and_then(Expandable::object);
    let charge = intent.and_then(|intent| intent.latest_charge.as_ref()).and_then(Expandable::object);
    // `no_payment_required` is not a payment, so only `paid` counts.
    if session.payment_status == "paid" {
        let at = charge.map_or(session.created, arrival);
        return Some(CheckoutReport::Paid { amount, at: instant(at)? });
    }
    let failure = intent.and_then(|intent| failure(intent, charge.map_or(session.created, |it| it.created)));
    Some(match session.status.as_deref() {
        Some("complete") => {
            let status = intent.and_then(|intent| intent.status.as_deref());
            let has_bounced = matches!(status, Some("requires_payment_method" | "canceled"));
            let without_code = || {
                let at = instant(charge.map_or(session.created, |it| it.created))?;
                Some(PaymentFailure { at, code: UNKNOWN_FAILURE.to_owned() })
            };
            if has_bounced {
                CheckoutReport::Bounced(failure.or_else(without_code)?)
            } else {
                CheckoutReport::Processing
            }
        }
        // A session that expired after a decline is reported as bounced, because `CheckoutReport::Expired` cannot
        // contain the failure.
        Some("expired") => match failure {
            Some(failure) => CheckoutReport::Bounced(failure),
            None => CheckoutReport::Expired { at: instant(session.expires_at)?.min(now) },
        },
        _ => failure.map_or(CheckoutReport::Open, CheckoutReport::Declined),
    })
}

/// When the money of a charge arrived, in seconds since 1970. If the charge has no balance transaction, the time when
/// the charge was created is used.
fn arrival(charge: &Charge) -> i64 {
    let transaction = charge.balance_transaction.as_ref().and_then(Expandable::object);
    transaction.map_or(charge.created, |transaction| transaction.created)
}

fn failure(intent: &Intent, at: i64) -> Option<PaymentFailure> {
    let error = intent.last_payment_error.as_ref()?;
    let code = error.decline_code.as_ref().or(error.code.as_ref());
    let code = code.map_or_else(|| UNKNOWN_FAILURE.to_owned(), Clone::clone);
    Some(PaymentFailure { at: instant(at)?, code })
}

/// Converts a refund; `None` for a refund that cannot belong to the shop, for example because it has no
/// `PaymentIntent`.
pub(crate) fn refund(refund: &Refund) -> Option<ProviderRefund> {
    let created_at = instant(refund.created)?;
    let failed_at = || {
        let transaction = refund.failure_balance_transaction.as_ref().and_then(Expandable::object);
        transaction.and_then(|transaction| instant(transaction.created)).unwrap_or(created_at)
    };
    Some(ProviderRefund {
        id: refund.id.clone(),
        charge: refund.payment_intent.as_ref()?.id().to_owned(),
        refund_id: id_in(refund.metadata.as_ref(), "refund_id"),
        amount: amounts::from_units(refund.amount, &refund.currency)?,
        report: match refund.status.as_deref() {
            // The API does not report when a pending refund succeeded, so the time of its creation is used.
            Some("succeeded") => RefundReport::Succeeded { at: created_at },
            Some("failed" | "canceled") => RefundReport::Failed { at: failed_at() },
            _ => RefundReport::Pending,
        },
        created_at,
    })
}

/// Converts a dispute; `None` for a dispute that cannot belong to the shop, for example because it has no
/// `PaymentIntent`.
pub(crate) fn dispute(dispute: &Dispute, now: Instant) -> Option<ProviderDispute> {
    let amount = amounts::from_units(dispute.amount, &dispute.currency)?;
    let transactions = &dispute.balance_transactions;
    // The API does not report when a dispute was closed. The best approximation is the time at which Stripe returned
    // the money; without returned money, it is the current time.
    let last = transactions.iter().filter(|it| it.amount > 0).map(|it| it.created).max();
    let closed_at = last.and_then(instant).unwrap_or(now);
    Some(ProviderDispute {
        id: dispute.id.clone(),
        charge: dispute.payment_intent.as_ref()?.id().to_owned(),
        amount,
        withdrawn: withdrawn(transactions, amount, &dispute.currency)?,
        reason: dispute.reason.clone(),
        report: match dispute.status.as_str() {
            "lost" => DisputeReport::Lost { closed_at },
            "won" | "warning_closed" | "prevented" => DisputeReport::Won { closed_at },
            _ => DisputeReport::Open,
        },
        due_by: dispute.evidence_details.as_ref().and_then(|details| details.due_by).and_then(instant),
        created_at: instant(dispute.created)?,
    })
}

/// The money that Stripe withdrew for a dispute, even if it was returned later; zero if Stripe withdrew nothing.
/// Transactions are in the currency of the account. If money was withdrawn in another currency than that of the
/// dispute, the result is the disputed amount. `None` when the withdrawn sum is not a valid amount.
fn withdrawn(transactions: &[BalanceTransaction], disputed: Money, currency: &str) -> Option<Money> {
    let mut taken = transactions.iter().filter(|it| it.amount < 0).peekable();
    if taken.peek().is_none() {
        return Some(Money::zero(disputed.currency()));
    }
    let mut units = 0_i64;
    for transaction in taken {
        if !transaction.currency.eq_ignore_ascii_case(currency) {
            return Some(disputed);
        }
        units = units.checked_sub(transaction.amount)?;
    }
    amounts::from_units(units, currency)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn report(status: &str, payment_status: &str, intent: &Value) -> CheckoutReport {
        let session = json!({"id": "cs_1", "mode": "payment", "created": 10, "expires_at": 20, "status": status,
            "payment_status": payment_status, "amount_total": 999, "currency": "usd", "payment_intent": intent});
        let session: Session = serde_json::from_value(session).unwrap();
        checkout(&session, instant(100).unwrap()).unwrap().report
    }

    #[test]
    fn only_a_session_that_is_paid_is_reported_as_paid() {
        for payment_status in ["unpaid", "no_payment_required", "a_status_of_next_year"] {
            for intent in [json!(null), json!("pi_1"), json!({"id": "pi_1", "status": "succeeded"})] {
                assert_eq!(report("complete", payment_status, &intent), CheckoutReport::Processing);
                assert_eq!(report("open", payment_status, &intent), CheckoutReport::Open);
            }
        }
        let paid = CheckoutReport::Paid {
            amount: Money::from_minor(999, "USD".parse().unwrap()),
            at: instant(10).unwrap(),
        };
        assert_eq!(report("complete", "paid", &json!("pi_1")), paid);
    }

    #[test]
    fn a_payment_that_bounced_without_a_code_is_reported_as_bounced() {
        for status in ["requires_payment_method", "canceled"] {
            let intent = json!({"id": "pi_1", "status": status});
            let failure = PaymentFailure { at: instant(10).unwrap(), code: UNKNOWN_FAILURE.to_owned() };
            assert_eq!(report("complete", "unpaid", &intent), CheckoutReport::Bounced(failure));
        }
    }
}
