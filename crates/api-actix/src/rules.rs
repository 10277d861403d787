//! The shop's rules for the values of a request: what a JSON Schema cannot say.

use std::{fmt, sync::Arc};

use chrono::NaiveDate;
use domain::{accounts::PasswordPolicy, money::Currency, time::Clock};

/// What values of requests are checked against, beside the schema of their type.
#[derive(Clone)]
pub struct Rules {
    /// What a new password must be.
    pub passwords: PasswordPolicy,
    /// The currency of every price.
    pub currency: Currency,
    /// Tells which day it is.
    pub clock: Arc<dyn Clock>,
}

impl Rules {
    /// Today, in UTC.
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
