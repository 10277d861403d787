//! The rules for the values of requests that a JSON Schema cannot express.

use std::{fmt, sync::Arc};

use chrono::NaiveDate;
use domain::{accounts::PasswordPolicy, money::Currency, time::Clock};

/// The rules that the values of requests are checked against, in addition to the schema of their type.
#[derive(Clone)]
pub struct Rules {
    /// The policy for new passwords.
    pub passwords: PasswordPolicy,
    /// The currency of every price.
    pub currency: Currency,
    /// The clock that provides the current time.
    pub clock: Arc<dyn Clock>,
}

impl Rules {
    /// Returns the current date in UTC.
    pub(crate) fn today(&self) -> NaiveDate {
        self.clock.now().date_naive()
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("passwords", &self.passwords)
            .field("currency", &self.currency)
            .finish_non_exhaustive()
    }
}
