use std::fmt;

use zeroize::Zeroizing;

/// A secret of the account at Stripe. Hidden in `Debug`, wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct StripeSecret(Zeroizing<String>);

impl StripeSecret {
    /// Takes the text of a setting.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    /// The text, to send it or to compute with it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StripeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StripeSecret(…)")
    }
}

/// The account at Stripe, and its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StripeSettings {
    /// The secret key of the account: `sk_test_…`, `sk_live_…` or a restricted one (`rk_…`).
    pub secret_key: StripeSecret,
    /// The secrets that webhooks are signed with: two during a replacement.
    pub webhook_secrets: Vec<StripeSecret>,
    /// The address of the API, without a trailing slash; [`StripeSettings::API_BASE`] unless it is a test double.
    pub api_base: String,
    /// The payment methods that buyers may choose from, by Stripe's names, such as `card`.
    pub payment_methods: Vec<String>,
}

impl StripeSettings {
    /// The address of Stripe.
    pub const API_BASE: &'static str = "https://api.stripe.com";

    /// Whether this is a live key, which charges real money. Webhook events of the other mode (`livemode`) are stored and
    /// not applied.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.secret_key.expose().contains("_live_")
    }
}
