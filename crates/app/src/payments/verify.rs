use std::collections::HashMap;

use chrono::TimeDelta;
use domain::{
    id::{PaymentId, ShopId},
    money::Money,
    payments::{
        BookedPayment, CheckoutReport, DisputeReport, GatewayError, MoneyViolation, PaymentStatus,
        ProviderCheckout, RefundReport,
    },
    store::StoreError,
    time::Instant,
};

use super::{CloseError, Payments};

/// How far back the provider's lists are read.
const PROVIDER_SPAN: TimeDelta = TimeDelta::days(30);

/// The default minimum age of compared checkouts. Events about newer checkouts may not have arrived yet.
pub const CHECKOUTS_SETTLE_IN: TimeDelta = TimeDelta::minutes(10);

/// How many payments are read at once.
const BATCH: u32 = 500;

/// The result of checking that all amounts and entitlements are consistent.
#[derive(Debug)]
pub struct MoneyVerdict {
    /// The violations.
    pub violations: Vec<MoneyViolation>,
    /// The provider's error, if its lists could not be read.
    pub unread: Option<GatewayError>,
}

impl Payments {
    /// Checks that all amounts and entitlements in the database are consistent, and compares the payments of the last
    /// 30 days with the provider's own lists. Checkouts that are younger than `min_age` are not compared. `min_age`
    /// must be at least [`CHECKOUTS_SETTLE_IN`], unless all events have been delivered.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn verify(&self, min_age: TimeDelta) -> Result<MoneyVerdict, StoreError> {
        let now = self.clock.now();
        let mut violations = self.checks.money_violations(now).await?;
        let unread = match self.compare(now, min_age).await {
            Ok(found) => {
                violations.extend(found);
                None
            }
            Err(CloseError::Store(error)) => return Err(error),
            Err(CloseError::Provider(error)) => Some(error),
        };
        Ok(MoneyVerdict { violations, unread })
    }

    /// Compares the provider's lists with the database.
    async fn compare(&self, now: Instant, min_age: TimeDelta) -> Result<Vec<MoneyViolation>, CloseError> {
        let since = now.checked_sub_signed(PROVIDER_SPAN).unwrap_or(now);
        let newest = now.checked_sub_signed(min_age).unwrap_or(now);
        let Some(shop) = self.queries.shop_id().await? else { return Ok(Vec::new()) };
        let mut booked = self.booked_since(since).await?;
        let mut violations = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (page, has_more) = self.gateway.checkouts_since(since, after.as_deref()).await?;
            after = page.last().map(|checkout| checkout.id.clone());
            for checkout in &page {
                if checkout.shop_id != Some(shop) || checkout.created_at > newest {
                    if let Some(id) = checkout.payment_id {
                        booked.remove(&id);
                    }
                    continue;
                }
                let known = checkout.payment_id.and_then(|id| booked.remove(&id));
                violations.extend(self.compare_one(shop, checkout, known.as_ref(), since).await?);
            }
            if !has_more || after.is_none() {
                break;
            }
        }
        let unknown = booked.into_values().filter(|payment| payment.checkout_id.is_some());
        violations.extend(unknown.map(|payment| MoneyViolation {
            rule: "the payment provider does not list the checkout of a payment",
            subject: payment.id.as_uuid(),
            details: payment.checkout_id,
        }));
        Ok(violations)
    }

    async fn booked_since(&self, since: Instant) -> Result<HashMap<PaymentId, BookedPayment>, StoreError> {
        let mut booked = HashMap::new();
        let mut after = None;
        loop {
            let page = self.checks.booked_payments(self.gateway.provider(), since, after, BATCH).await?;
            let Some(last) = page.last() else { return Ok(booked) };
            after = Some(last.id);
            booked.extend(page.into_iter().map(|payment| (payment.id, payment)));
        }
    }

    /// Compares a checkout in the provider's list with its payment in the database. If money has arrived, also
    /// compares the refunds and disputes. `known` is the payment, if it is among the payments created since `since`.
    async fn compare_one(
        &self,
        shop: ShopId,
        checkout: &ProviderCheckout,
        known: Option<&BookedPayment>,
        since: Instant,
    ) -> Result<Vec<MoneyViolation>, CloseError> {
        let arrived = match checkout.report {
            CheckoutReport::Paid { amount, .. } => Some(amount),
            _ => None,
        };
        let Some(known) = known else {
            // If the payment was created just before `since` and its checkout just after, the payment is not in
            // `booked`. `compare_unknown` therefore looks the payment up in the database.
            return match arrived {
                Some(amount) if checkout.created_at >= since => {
                    self.compare_unknown(shop, checkout, amount).await
                }
                _ => Ok(Vec::new()),
            };
        };
        let violation = |rule, details: String| MoneyViolation {
            rule,
            subject: known.id.as_uuid(),
            details: Some(details),
        };
        let mut violations = Vec::new();
        let pending = matches!(known.status, PaymentStatus::Pending | PaymentStatus::Processing);
        if arrived != known.received {
            let shown =
                |money: Option<Money>| money.map_or_else(|| "nothing".to_owned(), |money| money.to_string());
            let details =
                format!("{} arrived at the provider, {} is booked", shown(arrived), shown(known.received));
            violations.push(violation("a payment differs from the payment provider's list", details));
        } else if pending
            && matches!(checkout.report, CheckoutReport::Expired { .. } | CheckoutReport::Bounced(_))
        {
            let details = "its checkout has ended at the provider".to_owned();
            violations.push(violation("a payment differs from the payment provider's list", details));
        }
        let Some(charge) = known.charge.as_ref().filter(|_| arrived.is_some()) else { return Ok(violations) };
        let refunds = self.gateway.refunds(charge).await?;
        let done = refunds.iter().filter(|refund| matches!(refund.report, RefundReport::Succeeded { .. }));
        let refunded = done.fold(0_i64, |sum, refund| sum.saturating_add(refund.amount.minor()));
        if refunded != known.refunded_minor {
            let details =
                format!("{refunded} refunded at the provider, {} here, in minor units", known.refunded_minor);
            violations
                .push(violation("the refunds of a payment differ from the payment provider's", details));
        }
        let disputes = self.gateway.disputes(charge).await?;
        let taken = disputes.iter().filter(|dispute| !matches!(dispute.report, DisputeReport::Won { .. }));
        let withdrawn = taken.fold(0_i64, |sum, dispute| sum.saturating_add(dispute.withdrawn.minor()));
        if withdrawn != known.withdrawn_minor {
            let details = format!(
                "{withdrawn} withdrawn at the provider, {} here, in minor units",
                known.withdrawn_minor
            );
            violations
                .push(violation("the disputes of a payment differ from the payment provider's", details));
        }
        Ok(violations)
    }

    /// Checks that the money of a checkout was refunded if its payment is not in the database. Payments can be missing
    /// after a backup was restored.
    async fn compare_unknown(
        &self,
        shop: ShopId,
        checkout: &ProviderCheckout,
        arrived: Money,
    ) -> Result<Vec<MoneyViolation>, CloseError> {
        let order = match checkout.payment_id {
            Some(id) => self.queries.order_of_payment(id).await?,
            None => None,
        };
        if order.is_some() {
            return Ok(Vec::new());
        }
        let refunds = match &checkout.charge {
            Some(charge) => self.gateway.refunds(charge).await?,
            None => Vec::new(),
        };
        let sent = refunds.iter().filter(|refund| !matches!(refund.report, RefundReport::Failed { .. }));
        let returned = sent.fold(0_i64, |sum, refund| sum.saturating_add(refund.amount.minor()));
        let violation = MoneyViolation {
            rule: "the payment provider has money for a payment that is not known",
            subject: checkout.payment_id.map_or_else(|| shop.as_uuid(), |id| id.as_uuid()),
            details: Some(checkout.id.clone()),
        };
        Ok(if returned < arrived.minor() { vec![violation] } else { Vec::new() })
    }
}
