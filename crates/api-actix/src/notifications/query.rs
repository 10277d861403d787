//! The parameters of notifications.

use app::notifications::ListNotifications;
use domain::entropy::PlainToken;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    extract::{Faults, Input, Token},
    page::PageParams,
    rules::Rules,
};

/// The filter and page of the list.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct NotificationQuery {
    /// With `true`, only unread notifications.
    #[schemars(example = true)]
    unread: Option<bool>,
    #[serde(flatten)]
    page: PageParams,
}

impl Input for NotificationQuery {
    type Checked = ListNotifications;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<ListNotifications> {
        let page = self.page.check(rules, faults)?;
        Some(ListNotifications { unread_only: self.unread.unwrap_or(false), page })
    }
}

/// The parameters of a live stream.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct StreamQuery {
    /// An unused ticket, which replaces a bearer token.
    #[schemars(example = &"q3hVxUO6GQ0n3l0hXb0Tq5mFzq1mXx3oJ5s6b7c8d9E")]
    ticket: Option<Token>,
}

impl Input for StreamQuery {
    type Checked = Option<PlainToken>;

    fn check(self, _rules: &Rules, _faults: &mut Faults) -> Option<Option<PlainToken>> {
        Some(self.ticket.map(|ticket| ticket.0))
    }
}
