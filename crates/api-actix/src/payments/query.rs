//! The parameters of the lists of payments.

use app::payments::ListPayments;
use domain::{accounts::MAX_EMAIL_LENGTH, id::UserId, payments::PaymentFilter};
use schemars::JsonSchema;
use serde::Deserialize;

use super::bodies::PaymentStatusBody;
use crate::{
    extract::{Faults, Input, Text},
    page::PageParams,
    period::{Period, PeriodParams},
    rules::Rules,
};

/// The filters and page of the caller's payments.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct PaymentQuery {
    /// Payments with this status.
    #[schemars(example = &"successful")]
    status: Option<PaymentStatusBody>,
    #[serde(flatten)]
    period: PeriodParams,
    #[serde(flatten)]
    page: PageParams,
}

/// The filters and page of the payments of all users.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct AdminPaymentQuery {
    /// Payments of this user.
    #[schemars(example = "0190a1b2-0000-7000-8000-000000000000")]
    user_id: Option<Text<UserId>>,
    /// A part of the buyer's email address; case is ignored.
    #[schemars(length(max = MAX_EMAIL_LENGTH), example = "@example.com")]
    email: Option<String>,
    #[serde(flatten)]
    own: PaymentQuery,
}

impl Input for PaymentQuery {
    type Checked = ListPayments;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<ListPayments> {
        let (period, page) = (self.period.check(rules, faults), self.page.check(rules, faults));
        let Period { from, to } = period?;
        let status = self.status.map(Into::into);
        Some(ListPayments {
            filter: PaymentFilter { status, from, to, ..PaymentFilter::default() },
            page: page?,
        })
    }
}

impl Input for AdminPaymentQuery {
    type Checked = ListPayments;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<ListPayments> {
        let ListPayments { filter, page } = self.own.check(rules, faults)?;
        let user_id = self.user_id.map(|id| id.0);
        Some(ListPayments { filter: PaymentFilter { user_id, email: self.email, ..filter }, page })
    }
}
