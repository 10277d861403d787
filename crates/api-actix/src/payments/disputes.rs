//! Disputes of payments, as moderators see them.

use app::{
    paging::ListError,
    payments::{ListDisputes, Payments},
};
use domain::{
    accounts::MAX_EMAIL_LENGTH,
    id::UserId,
    payments::{DisputeFilter, DisputeState, DisputeStatus, DisputeView},
};
use paperclip::actix::api_v2_operation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    extract::{Faults, Input, Moderator, Query, Text, UseCases},
    moment::Moment,
    money::MoneyBody,
    orders::bodies::BuyerBody,
    page::{PageBody, PageParams},
    period::{Period, PeriodParams},
    problem::Failure,
    reply::PrivatePage,
    rules::Rules,
};

/// The status of a dispute.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DisputeStatus")]
#[serde(rename_all = "snake_case")]
pub(crate) enum DisputeStatusBody {
    /// The buyer's bank has not decided yet; the buyer cannot watch the movies.
    Open,
    /// The dispute ended in the shop's favour, or without a decision.
    Won,
    /// The shop lost the money, and the buyer lost the movies.
    Lost,
}

impl From<DisputeStatusBody> for DisputeStatus {
    fn from(status: DisputeStatusBody) -> Self {
        match status {
            DisputeStatusBody::Open => Self::Open,
            DisputeStatusBody::Won => Self::Won,
            DisputeStatusBody::Lost => Self::Lost,
        }
    }
}

/// A dispute of a payment.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Dispute", example = dispute_example())]
pub(crate) struct DisputeBody {
    id: Uuid,
    payment_id: Uuid,
    order_id: Uuid,
    /// The buyer; `null` if the account was deleted.
    user: Option<BuyerBody>,
    /// The disputed amount, which may differ from the amount of the payment.
    amount: MoneyBody,
    /// The reason that the payment provider reports.
    reason: String,
    status: DisputeStatusBody,
    /// The deadline for the shop to respond at the payment provider.
    due_by: Option<Moment>,
    created_at: Moment,
    closed_at: Option<Moment>,
}

impl From<DisputeView> for DisputeBody {
    fn from(view: DisputeView) -> Self {
        let DisputeView { dispute, order_id, buyer } = view;
        let (status, closed_at) = match dispute.state {
            DisputeState::Open => (DisputeStatusBody::Open, None),
            DisputeState::Won { closed_at } => (DisputeStatusBody::Won, Some(closed_at)),
            DisputeState::Lost { closed_at } => (DisputeStatusBody::Lost, Some(closed_at)),
        };
        Self {
            id: dispute.id.as_uuid(),
            payment_id: dispute.payment_id.as_uuid(),
            order_id: order_id.as_uuid(),
            user: buyer.map(BuyerBody::from),
            amount: dispute.amount.into(),
            reason: dispute.reason,
            status,
            due_by: dispute.due_by.map(Moment),
            created_at: Moment(dispute.created_at),
            closed_at: closed_at.map(Moment),
        }
    }
}

/// The filters and page of disputes.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct DisputeQuery {
    /// Disputes of this user.
    #[schemars(example = "0190a1b2-0000-7000-8000-000000000000")]
    user_id: Option<Text<UserId>>,
    /// A part of the buyer's email address; case is ignored.
    #[schemars(length(max = MAX_EMAIL_LENGTH), example = "@example.com")]
    email: Option<String>,
    /// Disputes with this status.
    #[schemars(example = &"open")]
    status: Option<DisputeStatusBody>,
    #[serde(flatten)]
    period: PeriodParams,
    #[serde(flatten)]
    page: PageParams,
}

impl Input for DisputeQuery {
    type Checked = ListDisputes;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<ListDisputes> {
        let (period, page) = (self.period.check(rules, faults), self.page.check(rules, faults));
        let Period { from, to } = period?;
        let filter = DisputeFilter {
            user_id: self.user_id.map(|id| id.0),
            email: self.email,
            status: self.status.map(Into::into),
            from,
            to,
        };
        Some(ListDisputes { filter, page: page? })
    }
}

/// List the disputes of payments.
///
/// Disputes that match all filters, newest first. While a dispute is open, the movies of its payment are suspended: the
/// buyer cannot watch them. If the dispute is lost, the movies are revoked; if it ends in any other way, they are
/// available again.
#[api_v2_operation(operation_id = "listDisputes", tags("payments"))]
pub(crate) async fn list(
    payments: UseCases<Payments>,
    Moderator(_, Query(wanted)): Moderator<Query<DisputeQuery>>,
) -> Result<PrivatePage<DisputeBody>, Failure<ListError>> {
    let listing = payments.run(async move |payments| payments.list_disputes(wanted).await).await?;
    Ok(PrivatePage(PageBody::of(listing, DisputeBody::from)))
}

fn dispute_example() -> Value {
    json!({
        "id": "0190a1b2-0000-7000-8000-000000000060",
        "payment_id": "0190a1b2-0000-7000-8000-000000000030",
        "order_id": "0190a1b2-0000-7000-8000-000000000020",
        "user": {"id": "0190a1b2-0000-7000-8000-000000000001", "email": "ann@example.com"},
        "amount": {"amount": "9.99", "currency": "USD"},
        "reason": "fraudulent",
        "status": "open",
        "due_by": "2026-11-29T10:00:00Z",
        "created_at": "2026-11-22T10:00:00Z",
        "closed_at": null,
    })
}
