//! Refunds. Administrators make them; buyers and moderators see them.

use std::sync::Arc;

use app::{
    paging::ListError,
    payments::{NewRefund, Payments, RefundError},
};
use domain::{
    accounts::AccessError,
    id::{MovieId, PaymentId, RefundId},
    payments::{Explanation, Refund, RefundRefusal, RefundStatus},
    store::StoreError,
};
use paperclip::actix::api_v2_operation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    extract::{
        Admin, Body, Caller, Doing, Fault, Faults, Idempotent, Input, Kept, Origin, PathId, Query, Text,
        UseCases,
    },
    moment::Moment,
    money::MoneyBody,
    page::{PageBody, PageParams},
    problem::{Failure, FieldCode, FieldProblem, Kind, OrNotFound, Problem, Refusal, kinds},
    reply::{CreatedJson, PrivatePage},
    rules::Rules,
};

/// The maximum number of movies in a refund or in a request for a refund. It is also the maximum number of movies in
/// a cart, and so in an order.
pub(super) const MAX_ITEMS: usize = 100;

/// The parameters of a new refund.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(
    rename = "RefundInput",
    example = json!({"items": ["0190a1b2-0000-7000-8000-000000000000"], "reason": "The sound is broken."})
)]
pub(crate) struct RefundInput {
    /// The movies to refund; if omitted, the whole amount of the payment that can still be refunded.
    #[schemars(length(min = 1, max = MAX_ITEMS))]
    items: Option<Vec<Text<MovieId>>>,
    /// The reason: plain text of 1 to 1,000 characters; surrounding white space is removed.
    reason: Text<Explanation>,
}

impl Input for RefundInput {
    type Checked = NewRefund;

    fn check(self, _rules: &Rules, faults: &mut Faults) -> Option<NewRefund> {
        let movies = match self.items {
            Some(items) => Some(distinct(items, faults)?),
            None => None,
        };
        Some(NewRefund { movies, reason: self.reason.0 })
    }
}

/// Returns the movies in `items`. If a movie is listed more than once, reports each repetition and returns `None`.
pub(crate) fn distinct(items: Vec<Text<MovieId>>, faults: &mut Faults) -> Option<Vec<MovieId>> {
    let mut seen = Vec::new();
    let mut is_sound = true;
    for (place, Text(id)) in items.into_iter().enumerate() {
        if seen.contains(&id) {
            faults.add(&format!("items.{place}"), Fault::new(FieldCode::Repeated, "is already in the list"));
            is_sound = false;
        }
        seen.push(id);
    }
    is_sound.then_some(seen)
}

/// The status of a refund.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RefundStatus")]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundStatusBody {
    /// The refund was requested from the payment provider or is about to be requested, and its outcome is not known
    /// yet.
    Pending,
    /// The money was refunded.
    Succeeded,
    /// The refund failed.
    Failed,
}

/// A refund of a payment to the buyer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Refund", example = refund_example())]
pub(crate) struct RefundBody {
    id: Uuid,
    payment_id: Uuid,
    status: RefundStatusBody,
    amount: MoneyBody,
    /// The refunded movies; empty for a refund of money that belongs to no particular movies, such as a refund that
    /// was made outside the shop.
    items: Vec<Uuid>,
    reason: String,
    created_at: Moment,
}

impl From<Refund> for RefundBody {
    fn from(refund: Refund) -> Self {
        Self {
            id: refund.id.as_uuid(),
            payment_id: refund.payment_id.as_uuid(),
            status: match refund.state.status() {
                RefundStatus::Pending => RefundStatusBody::Pending,
                RefundStatus::Succeeded => RefundStatusBody::Succeeded,
                RefundStatus::Failed => RefundStatusBody::Failed,
            },
            amount: refund.amount.into(),
            items: refund.items.iter().map(|item| item.movie_id.as_uuid()).collect(),
            reason: refund.reason,
            created_at: Moment(refund.created_at),
        }
    }
}

fn refund_example() -> Value {
    json!({
        "id": "0190a1b2-0000-7000-8000-000000000040",
        "payment_id": "0190a1b2-0000-7000-8000-000000000030",
        "status": "succeeded",
        "amount": {"amount": "9.99", "currency": "USD"},
        "items": ["0190a1b2-0000-7000-8000-000000000000"],
        "reason": "The sound is broken.",
        "created_at": "2026-11-22T10:00:00Z",
    })
}

impl Refusal for RefundRefusal {
    fn problem(&self) -> Problem {
        match self {
            Self::NotPaid => Problem::new(&kinds::PAYMENT_NOT_PAID),
            Self::Disputed => Problem::new(&kinds::PAYMENT_DISPUTED),
            Self::AlreadyRefunded => Problem::new(&kinds::ALREADY_REFUNDED),
            Self::ExceedsPayment => Problem::new(&kinds::REFUND_EXCEEDS_PAYMENT),
            Self::UnknownMovies(places) => Problem::invalid(unknown_movies(places)),
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.extend([
            &kinds::PAYMENT_NOT_PAID,
            &kinds::PAYMENT_DISPUTED,
            &kinds::ALREADY_REFUNDED,
            &kinds::REFUND_EXCEEDS_PAYMENT,
        ]);
    }
}

/// Returns the errors for movies that do not belong to the payment of the refund. `places` are the positions of these
/// movies in `items`.
pub(crate) fn unknown_movies(places: &[usize]) -> Vec<FieldProblem> {
    let fault = |place: &usize| {
        FieldProblem::new(format!("items.{place}"), FieldCode::NotFound, "is not a movie that was paid")
    };
    places.iter().map(fault).collect()
}

crate::refusals! {
    RefundError {
        KeyTaken => REQUEST_IN_PROGRESS;
        via Refused: RefundRefusal, via Access: AccessError, via Store: StoreError,
    }
}

/// Refund a payment.
///
/// Refunds the named movies or, if none are named, the whole amount that can still be refunded. The amount is reserved
/// before the payment provider is called. A refund whose outcome is not known yet is `pending` and completed in the
/// background. The buyer keeps a movie until its refund has succeeded.
#[api_v2_operation(operation_id = "createRefund", tags("payments"))]
pub(crate) async fn create(
    payments: UseCases<Payments>,
    Origin(origin): Origin,
    Admin(admin, PathId(id, idempotent)): Admin<PathId<PaymentId, Idempotent<Body<RefundInput>>>>,
) -> Result<Kept<CreatedJson<RefundBody>>, Failure<OrNotFound<RefundError>>> {
    let create = async move |doing| -> Result<CreatedJson<RefundBody>, Failure<OrNotFound<RefundError>>> {
        let refund_id = match doing {
            Doing::Now(Body(wanted), request) => {
                let reserve = async move |payments: Arc<Payments>| {
                    payments.reserve_refund(admin, id, wanted, request.as_ref(), &origin).await
                };
                payments.find(reserve).await?
            }
            Doing::Made(_, refund_id) => RefundId::from_uuid(refund_id),
        };
        // If the refund cannot be sent now, or its outcome is not known in time, a background task completes it. The
        // refund is pending until then.
        let sent: Result<(), Failure<StoreError>> =
            payments.run(async move |payments| payments.send_refund(refund_id).await).await;
        if let Err(failure) = sent {
            tracing::warn!(refund = ?refund_id, %failure, "a refund could not be sent yet");
        }
        let show = async move |payments: Arc<Payments>| {
            payments.show_refund(refund_id).await.map_err(RefundError::from)
        };
        Ok(CreatedJson(payments.find(show).await?.into()))
    };
    idempotent.answer(create).await
}

/// List the refunds of a payment.
///
/// The newest refund is first. Refunds that were made outside the shop are included. The response is 404 when the
/// payment does not belong to the caller, unless the caller is a moderator.
#[api_v2_operation(operation_id = "listRefunds", tags("payments"))]
pub(crate) async fn list(
    payments: UseCases<Payments>,
    Caller(actor, PathId(id, Query(page))): Caller<PathId<PaymentId, Query<PageParams>>>,
) -> Result<PrivatePage<RefundBody>, Failure<OrNotFound<ListError>>> {
    let listing = payments.find(async move |payments| payments.list_refunds(actor, id, page).await).await?;
    Ok(PrivatePage(PageBody::of(listing, RefundBody::from)))
}
