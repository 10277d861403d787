use domain::{
    payments::{CheckoutReport, GatewayError, Payment, PaymentFailure},
    store::StoreError,
};

use super::{OPENING_LIMIT, Payments};

/// The error of an operation that calls the payment provider and uses the store, such as ending an open checkout.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// The provider refused the call or was not reached, or it is unknown whether the call took effect.
    #[error(transparent)]
    Provider(#[from] GatewayError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The payment was started at a provider that is not configured.
#[derive(Debug, thiserror::Error)]
#[error(
    "the payment was started at the provider {0:?}, which is not configured, so it is not known whether it was paid"
)]
struct OtherProvider(String);

impl Payments {
    /// Refuses a payment that was started at another provider. The state of such a payment must not be changed, because
    /// the buyer may have paid at that provider.
    ///
    /// # Errors
    /// When the payment was started at another provider.
    pub(super) fn check_provider(&self, payment: &Payment) -> Result<(), GatewayError> {
        if payment.provider == self.gateway.provider() {
            return Ok(());
        }
        Err(GatewayError::NotReached(OtherProvider(payment.provider.clone()).into()))
    }

    /// Ends the checkout of an open payment at the provider, unless the checkout was completed in the meantime, and
    /// stores the new state of the payment.
    ///
    /// If the payment has no stored checkout, and the provider has no checkout for it either, an earlier request to
    /// open the checkout may still reach the provider. The checkout is then opened first, so that it can be ended:
    /// only after a checkout has ended is it certain that nobody can pay it. The payment fails instead if the
    /// provider refuses to open the checkout, or after [`OPENING_LIMIT`].
    pub(crate) async fn close_checkout(&self, payment: &Payment) -> Result<(), CloseError> {
        self.check_provider(payment)?;
        let id = match (&payment.checkout, &payment.request) {
            (Some(checkout), _) => Some(checkout.id.clone()),
            (None, Some(request)) => match self.gateway.look_up_checkout(request).await? {
                Some(checkout) => Some(checkout.id),
                None if self.is_past_opening(payment) => None,
                None => match self.gateway.open_checkout(request).await {
                    Ok(checkout) => Some(checkout.id),
                    Err(GatewayError::Refused { .. }) => None,
                    Err(error) => return Err(error.into()),
                },
            },
            (None, None) => None,
        };
        match id {
            Some(id) => {
                let checkout = self.gateway.expire_checkout(&id).await?;
                self.apply_checkout(payment.id, payment.order_id, &checkout).await?;
            }
            None => self.fail_opening(payment).await?,
        }
        Ok(())
    }

    /// Returns whether [`OPENING_LIMIT`] has passed since the payment was created.
    pub(super) fn is_past_opening(&self, payment: &Payment) -> bool {
        self.clock.now().signed_duration_since(payment.created_at) >= OPENING_LIMIT
    }

    /// Marks a payment that has no checkout at the provider as failed.
    pub(super) async fn fail_opening(&self, payment: &Payment) -> Result<(), StoreError> {
        let failure = PaymentFailure { at: self.clock.now(), code: PaymentFailure::NOT_OPENED.to_owned() };
        self.apply_report(payment.id, payment.order_id, &CheckoutReport::Bounced(failure)).await
    }
}
