use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use adapter_payments_stripe::{StripeGateway, StripeSecret, StripeSettings};
use domain::{
    id::{Id, Kind, ShopId},
    money::Money,
    payments::{
        CHECKOUT_LIFETIME, CheckoutLine, CheckoutRequest, GatewayError, PaymentGateway, ProviderCheckout,
        RefundOrder,
    },
    time::{Clock, Instant},
};
use test_stripe::{FakeStripe, SECRET_KEY};
use uuid::Uuid;

/// The webhook secrets: the new one, and the old one that it replaces.
pub(crate) const WEBHOOK_SECRETS: [&str; 2] = ["whsec_new", "whsec_old"];

/// The clock of this machine, which the fake Stripe also uses.
pub(crate) struct MachineClock;

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "the clock of the fake Stripe is that of the machine")]
    fn now(&self) -> Instant {
        let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Instant::from_timestamp_micros(elapsed.as_micros().try_into().unwrap()).unwrap()
    }
}

pub(crate) fn id<K: Kind>(number: u128) -> Id<K> {
    Id::from_uuid(Uuid::from_u128(number))
}

pub(crate) fn money(minor: i64, currency: &str) -> Money {
    Money::from_minor(minor, currency.parse().unwrap())
}

pub(crate) fn shop_id() -> ShopId {
    id(1)
}

/// A fake Stripe, and the gateway that calls it.
pub(crate) struct Shop {
    pub(crate) stripe: FakeStripe,
    pub(crate) gateway: StripeGateway,
}

impl Shop {
    pub(crate) fn open() -> Self {
        let stripe = FakeStripe::start().unwrap();
        let gateway = StripeGateway::new(settings(stripe.base()), Arc::new(MachineClock)).unwrap();
        Self { stripe, gateway }
    }

    /// Opens a checkout of 9.99 USD for payment 1.
    pub(crate) async fn checkout(&self) -> ProviderCheckout {
        self.gateway.open_checkout(&request(1, &[money(999, "USD")])).await.unwrap()
    }

    /// Reads the current state of a checkout.
    pub(crate) async fn now(&self, checkout: &ProviderCheckout) -> ProviderCheckout {
        self.gateway.checkout(&checkout.id).await.unwrap().unwrap()
    }

    /// Opens and pays the checkout of payment 1; returns Stripe's identifier of the charge.
    pub(crate) async fn charge(&self) -> String {
        let checkout = self.checkout().await;
        self.stripe.pay(&checkout.id).unwrap();
        self.now(&checkout).await.charge.unwrap()
    }

    /// The number of times that `call` was made.
    pub(crate) fn count(&self, call: &str) -> usize {
        self.stripe.calls().iter().filter(|made| *made == call).count()
    }
}

pub(crate) fn settings(api_base: String) -> StripeSettings {
    StripeSettings {
        secret_key: StripeSecret::new(SECRET_KEY),
        webhook_secrets: WEBHOOK_SECRETS.iter().map(|secret| StripeSecret::new(secret)).collect(),
        api_base,
        payment_methods: vec!["card".to_owned(), "sepa_debit".to_owned()],
    }
}

/// A request to open a checkout for payment `payment`, with one line for each price.
pub(crate) fn request(payment: u128, prices: &[Money]) -> CheckoutRequest {
    let zero = Money::zero(prices.first().unwrap().currency());
    let line = |price: &Money| CheckoutLine { name: "Alien (1979)".to_owned(), price: *price };
    CheckoutRequest {
        payment_id: id(payment),
        order_id: id(payment.saturating_add(1_000)),
        shop_id: shop_id(),
        order_number: "2026-000001".to_owned(),
        amount: prices.iter().fold(zero, |sum, price| sum.checked_add(*price).unwrap()),
        lines: prices.iter().map(line).collect(),
        email: Some("ann@example.com".to_owned()),
        return_url: "https://cinema.example/orders/1?payment=1".to_owned(),
        expires_at: MachineClock.now().checked_add_signed(CHECKOUT_LIFETIME).unwrap(),
        idempotency_key: format!("pay:{payment}"),
    }
}

pub(crate) fn refund_order(refund: u128, charge: &str, minor: i64) -> RefundOrder {
    RefundOrder {
        refund_id: id(refund),
        shop_id: shop_id(),
        charge: charge.to_owned(),
        amount: money(minor, "USD"),
        idempotency_key: format!("refund:{refund}"),
    }
}

/// The code of a refusal. Panics when the call was not refused.
pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, GatewayError>) -> String {
    match result {
        Err(GatewayError::Refused { code }) => code,
        other => panic!("not refused: {other:?}"),
    }
}

pub(crate) fn is_unknown<T>(result: &Result<T, GatewayError>) -> bool {
    matches!(result, Err(GatewayError::Unknown(_)))
}

pub(crate) fn is_not_reached<T>(result: &Result<T, GatewayError>) -> bool {
    matches!(result, Err(GatewayError::NotReached(_)))
}
