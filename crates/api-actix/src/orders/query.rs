//! The parameters of the lists of orders.

use app::orders::ListOrders;
use domain::{accounts::MAX_EMAIL_LENGTH, id::UserId, orders::OrderFilter};
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::OrderStatusBody;
use crate::{
    extract::{Faults, Input, Text},
    page::PageParams,
    period::{Period, PeriodParams},
    rules::Rules,
};

/// The filters and page of the caller's orders.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct OrderQuery {
    /// Orders with this status.
    #[schemars(example = &"paid")]
    status: Option<OrderStatusBody>,
    #[serde(flatten)]
    period: PeriodParams,
    #[serde(flatten)]
    page: PageParams,
}

/// The filters and page of the orders of all users.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct AdminOrderQuery {
    /// Orders of this user.
    #[schemars(example = "0190a1b2-0000-7000-8000-000000000000")]
    user_id: Option<Text<UserId>>,
    /// A part of the buyer's email address; case is ignored.
    #[schemars(length(max = MAX_EMAIL_LENGTH), example = "@example.com")]
    email: Option<String>,
    #[serde(flatten)]
    own: OrderQuery,
}

impl Input for OrderQuery {
    type Checked = ListOrders;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<ListOrders> {
        let (period, page) = (self.period.check(rules, faults), self.page.check(rules, faults));
        let Period { from, to } = period?;
        let status = self.status.map(Into::into);
        Some(ListOrders { filter: OrderFilter { status, from, to, ..OrderFilter::default() }, page: page? })
    }
}

impl Input for AdminOrderQuery {
    type Checked = ListOrders;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<ListOrders> {
        let ListOrders { filter, page } = self.own.check(rules, faults)?;
        let user_id = self.user_id.map(|id| id.0);
        Some(ListOrders { filter: OrderFilter { user_id, email: self.email, ..filter }, page })
    }
}
