use std::fmt;

use zeroize::Zeroizing;

/// A secret of the Stripe account: an API key or a webhook secret. `Debug` does not show it, and its memory is
/// overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct StripeSecret(Zeroizing<String>);

impl StripeSecret {
    /// Wraps the text of a setting.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The secret as text, to send it to Stripe or to verify a signature.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StripeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StripeSecret(…)")
    }
}

/// The settings of the Stripe account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StripeSettings {
    /// The secret key of the account: `sk_test_…`, `sk_live_…` or a restricted key (`rk_…`).
    pub secret_key: StripeSecret,
    /// The secrets that Stripe may sign webhooks with. While a secret is being replaced, the list has the old and the
    /// new secret.
    pub webhook_secrets: Vec<StripeSecret>,
    /// The base URL of the API, without a trailing slash: [`StripeSettings::API_BASE`], or the URL of a fake Stripe.
    pub api_base: String,
    /// The payment methods that buyers may choose from, by Stripe's names, such as `card`.
    pub payment_methods: Vec<String>,
}

impl StripeSettings {
    /// The base URL of Stripe's API.
    pub const API_BASE: &'static str = "https://api.stripe.com";

    /// Whether the secret key is a live key, which charges real money. Webhook events whose `livemode` differs from
    /// this value are stored, but not applied.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.secret_key.expose().contains("_live_")
    }
}
