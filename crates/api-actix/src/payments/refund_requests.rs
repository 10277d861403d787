//! Requests for refunds. Buyers make them, and administrators decide about them.

use app::{
    paging::ListError,
    payments::{
        DecideRefundError, Decision, ListRefundRequests, NewRefundRequest, Payments, RefundError,
        RequestRefundError,
    },
};
use domain::{
    accounts::{AccessError, MAX_EMAIL_LENGTH},
    id::{MovieId, OrderId, RefundRequestId, UserId},
    payments::{Explanation, RefundRequestFilter, RefundRequestStatus, RefundRequestView},
    store::StoreError,
};
use paperclip::actix::api_v2_operation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::refunds::{MAX_ITEMS, distinct, unknown_movies};
use crate::{
    extract::{Admin, Body, Caller, Faults, Input, Origin, Patch, PathId, Query, Text, UseCases},
    moment::Moment,
    money::MoneyBody,
    orders::bodies::BuyerBody,
    page::{PageBody, PageParams},
    period::{Period, PeriodParams},
    problem::{Failure, Kind, OrNotFound, Problem, Refusal, kinds},
    refusals,
    reply::{CreatedJson, OkJson, PrivatePage},
    rules::Rules,
};

/// A buyer's request for a refund.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(
    rename = "RefundRequestInput",
    example = json!({"items": ["0190a1b2-0000-7000-8000-000000000000"], "reason": "The sound is broken."})
)]
pub(crate) struct RefundRequestInput {
    /// The movies to refund; if omitted, all movies of the order that are neither refunded nor being refunded.
    #[schemars(length(min = 1, max = MAX_ITEMS))]
    items: Option<Vec<Text<MovieId>>>,
    /// The reason: plain text of 1 to 1,000 characters; surrounding white space is removed.
    reason: Text<Explanation>,
}

impl Input for RefundRequestInput {
    type Checked = NewRefundRequest;

    fn check(self, _rules: &Rules, faults: &mut Faults) -> Option<NewRefundRequest> {
        let movies = match self.items {
            Some(items) => Some(distinct(items, faults)?),
            None => None,
        };
        Some(NewRefundRequest { movies, reason: self.reason.0 })
    }
}

/// How a refund request is decided.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(rename = "RefundDecisionKind")]
#[serde(rename_all = "snake_case")]
pub(crate) enum DecisionBody {
    /// The request is approved, and the money is refunded.
    Approve,
    /// The request is rejected.
    Reject,
}

/// A decision about a refund request.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "RefundDecision", example = json!({"decision": "reject", "note": "The movie was watched."}))]
pub(crate) struct RefundDecisionInput {
    /// The decision.
    decision: DecisionBody,
    /// A note for the buyer: plain text of 1 to 1,000 characters.
    #[schemars(extend("x-clears" = true))]
    note: Option<Text<Explanation>>,
}

impl Input for RefundDecisionInput {
    type Checked = Decision;

    fn check(self, _rules: &Rules, _faults: &mut Faults) -> Option<Decision> {
        let is_approved = matches!(self.decision, DecisionBody::Approve);
        Some(Decision { is_approved, note: self.note.map(|note| note.0) })
    }
}

/// The status of a refund request.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "RefundRequestStatus")]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundRequestStatusBody {
    /// No decision has been made yet.
    Open,
    /// The request was approved, which created a refund.
    Approved,
    /// The request was rejected.
    Rejected,
}

impl From<RefundRequestStatus> for RefundRequestStatusBody {
    fn from(status: RefundRequestStatus) -> Self {
        match status {
            RefundRequestStatus::Open => Self::Open,
            RefundRequestStatus::Approved => Self::Approved,
            RefundRequestStatus::Rejected => Self::Rejected,
        }
    }
}

impl From<RefundRequestStatusBody> for RefundRequestStatus {
    fn from(status: RefundRequestStatusBody) -> Self {
        match status {
            RefundRequestStatusBody::Open => Self::Open,
            RefundRequestStatusBody::Approved => Self::Approved,
            RefundRequestStatusBody::Rejected => Self::Rejected,
        }
    }
}

/// A buyer's request for a refund.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RefundRequest", example = request_example())]
pub(crate) struct RefundRequestBody {
    id: Uuid,
    order_id: Uuid,
    /// The movies to refund.
    items: Vec<Uuid>,
    /// The amount to refund.
    amount: MoneyBody,
    /// The buyer's reason; `null` if the account was deleted.
    reason: Option<String>,
    status: RefundRequestStatusBody,
    /// The administrator's note.
    note: Option<String>,
    created_at: Moment,
    decided_at: Option<Moment>,
}

impl From<domain::payments::RefundRequest> for RefundRequestBody {
    fn from(request: domain::payments::RefundRequest) -> Self {
        Self {
            id: request.id.as_uuid(),
            order_id: request.order_id.as_uuid(),
            items: request.items.iter().map(|item| item.movie_id.as_uuid()).collect(),
            amount: request.amount.into(),
            reason: request.reason,
            status: request.status.into(),
            note: request.note,
            created_at: Moment(request.created_at),
            decided_at: request.decided_at.map(Moment),
        }
    }
}

/// A request for a refund with its buyer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AdminRefundRequest", example = admin_request_example())]
pub(crate) struct AdminRefundRequestBody {
    #[serde(flatten)]
    request: RefundRequestBody,
    /// The buyer; `null` if the account was deleted.
    user: Option<BuyerBody>,
}

impl From<RefundRequestView> for AdminRefundRequestBody {
    fn from(view: RefundRequestView) -> Self {
        Self { request: view.request.into(), user: view.buyer.map(BuyerBody::from) }
    }
}

/// The filters and page of the requests of all users.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct RefundRequestQuery {
    /// Requests of this user.
    #[schemars(example = "0190a1b2-0000-7000-8000-000000000000")]
    user_id: Option<Text<UserId>>,
    /// A part of the buyer's email address; case is ignored.
    #[schemars(length(max = MAX_EMAIL_LENGTH), example = "@example.com")]
    email: Option<String>,
    /// Requests with this status.
    #[schemars(example = &"open")]
    status: Option<RefundRequestStatusBody>,
    #[serde(flatten)]
    period: PeriodParams,
    #[serde(flatten)]
    page: PageParams,
}

impl Input for RefundRequestQuery {
    type Checked = ListRefundRequests;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<ListRefundRequests> {
        let (period, page) = (self.period.check(rules, faults), self.page.check(rules, faults));
        let Period { from, to } = period?;
        let filter = RefundRequestFilter {
            order_id: None,
            user_id: self.user_id.map(|id| id.0),
            email: self.email,
            status: self.status.map(Into::into),
            from,
            to,
        };
        Some(ListRefundRequests { filter, page: page? })
    }
}

impl Refusal for RequestRefundError {
    fn problem(&self) -> Problem {
        match self {
            Self::OrderNotPaid => Problem::new(&kinds::ORDER_NOT_PAID),
            Self::AlreadyRefunded => Problem::new(&kinds::ALREADY_REFUNDED),
            Self::AlreadyRequested => Problem::new(&kinds::REFUND_REQUESTED),
            Self::UnknownMovies(places) => Problem::invalid(unknown_movies(places)),
            Self::Access(error) => error.problem(),
            Self::Store(error) => error.problem(),
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.extend([&kinds::ORDER_NOT_PAID, &kinds::ALREADY_REFUNDED, &kinds::REFUND_REQUESTED]);
        AccessError::kinds(into);
        StoreError::kinds(into);
    }
}

refusals! {
    DecideRefundError {
        AlreadyDecided => ALREADY_DECIDED;
        via Refund: RefundError, via Access: AccessError, via Store: StoreError,
    }
}

/// Request a refund of an order.
///
/// The request covers the named movies or, if none are named, all movies of the order that are neither refunded nor
/// being refunded. An administrator decides about the request. A movie can be in only one open request.
#[api_v2_operation(operation_id = "requestRefund", tags("orders"))]
pub(crate) async fn create(
    payments: UseCases<Payments>,
    Caller(actor, PathId(id, Body(wanted))): Caller<PathId<OrderId, Body<RefundRequestInput>>>,
) -> Result<CreatedJson<RefundRequestBody>, Failure<OrNotFound<RequestRefundError>>> {
    let made = payments.find(async move |payments| payments.request_refund(actor, id, wanted).await).await?;
    Ok(CreatedJson(made.request.into()))
}

/// List the caller's requests for a refund of an order.
///
/// The newest request is first.
#[api_v2_operation(operation_id = "listRefundRequests", tags("orders"))]
pub(crate) async fn list(
    payments: UseCases<Payments>,
    Caller(actor, PathId(id, Query(page))): Caller<PathId<OrderId, Query<PageParams>>>,
) -> Result<PrivatePage<RefundRequestBody>, Failure<OrNotFound<ListError>>> {
    let listing =
        payments.find(async move |payments| payments.list_requests_of_order(actor, id, page).await).await?;
    Ok(PrivatePage(PageBody::of(listing, |view| RefundRequestBody::from(view.request))))
}

/// List the refund requests of all users.
///
/// Requests that match all filters, newest first.
#[api_v2_operation(operation_id = "listAllRefundRequests", tags("payments"))]
pub(crate) async fn list_all(
    payments: UseCases<Payments>,
    Admin(_, Query(wanted)): Admin<Query<RefundRequestQuery>>,
) -> Result<PrivatePage<AdminRefundRequestBody>, Failure<ListError>> {
    let listing = payments.run(async move |payments| payments.list_refund_requests(wanted).await).await?;
    Ok(PrivatePage(PageBody::of(listing, AdminRefundRequestBody::from)))
}

/// Decide about a refund request.
///
/// Approving a request creates the refund, like `POST /payments/{id}/refunds`. If the refund cannot be created, the
/// request stays open. If the refund fails later, the request stays approved. The buyer is notified of the decision by
/// mail.
#[api_v2_operation(operation_id = "decideRefundRequest", tags("payments"))]
pub(crate) async fn decide(
    payments: UseCases<Payments>,
    Origin(origin): Origin,
    Admin(admin, PathId(id, Patch(decision))): Admin<PathId<RefundRequestId, Patch<RefundDecisionInput>>>,
) -> Result<OkJson<AdminRefundRequestBody>, Failure<OrNotFound<DecideRefundError>>> {
    let refund_id = payments
        .find(async move |payments| payments.decide_refund(admin, id, &decision, &origin).await)
        .await?;
    if let Some(refund_id) = refund_id {
        // If the refund cannot be sent now, or its outcome is not known in time, a background task completes it.
        let sent: Result<(), Failure<StoreError>> =
            payments.run(async move |payments| payments.send_refund(refund_id).await).await;
        if let Err(failure) = sent {
            tracing::warn!(refund = ?refund_id, %failure, "a refund could not be sent yet");
        }
    }
    let decided = payments
        .find(async move |payments| payments.show_refund_request(id).await.map_err(DecideRefundError::from))
        .await?;
    Ok(OkJson(decided.into()))
}

fn request_example() -> Value {
    json!({
        "id": "0190a1b2-0000-7000-8000-000000000050",
        "order_id": "0190a1b2-0000-7000-8000-000000000020",
        "items": ["0190a1b2-0000-7000-8000-000000000000"],
        "amount": {"amount": "9.99", "currency": "USD"},
        "reason": "The sound is broken.",
        "status": "open",
        "note": null,
        "created_at": "2026-11-22T10:00:00Z",
        "decided_at": null,
    })
}

fn admin_request_example() -> Value {
    let mut request = request_example();
    if let Some(fields) = request.as_object_mut() {
        let user = json!({"id": "0190a1b2-0000-7000-8000-000000000001", "email": "ann@example.com"});
        fields.insert("user".into(), user);
    }
    request
}
