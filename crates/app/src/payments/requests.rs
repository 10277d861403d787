use domain::{
    accounts::{AccessError, Actor, Origin},
    audit::{AuditAction, AuditObject, AuditState},
    id::{MovieId, OrderId, RefundId, RefundRequestId},
    money::Money,
    orders::{Order, OrderStatus, OrderUnit, OrderView},
    payments::{
        Explanation, PaidItem, RefundRefusal, RefundRequest, RefundRequestFilter, RefundRequestStatus,
        RefundRequestView, RefundState, RequestedItem,
    },
    store::{Attempt, StoreError, retried},
};

use super::{Payments, RefundError, money_back::Held, settle::Administrator};
use crate::{
    mails::orders::{RefundDecided, RefundRequested},
    paging::{ListError, Listing, PageSelection},
    record::NewAuditEntry,
};

/// The input for a buyer's request for a refund.
#[derive(Debug, Clone)]
pub struct NewRefundRequest {
    /// The movies to refund; `None` for all movies of the order that are neither refunded nor being refunded.
    pub movies: Option<Vec<MovieId>>,
    /// The reason.
    pub reason: Explanation,
}

/// Why no request was created.
#[derive(Debug, thiserror::Error)]
pub enum RequestRefundError {
    /// The order was not paid, or was completely refunded.
    #[error("the order is neither paid nor partially refunded")]
    OrderNotPaid,
    /// At least one of the movies was already refunded or has a pending refund, no movies are left, or no money is
    /// left.
    #[error("a movie was already refunded or has a pending refund, or nothing is left to refund")]
    AlreadyRefunded,
    /// Another request about one of the movies is open.
    #[error("another request about one of the movies is open")]
    AlreadyRequested,
    /// Some of the movies are not in the order. Contains their positions in the list of requested movies, from 0.
    #[error("the order does not have the movie")]
    UnknownMovies(Vec<usize>),
    /// The actor may not request a refund.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The decision of an administrator.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Whether the request is approved.
    pub is_approved: bool,
    /// A note for the buyer.
    pub note: Option<Explanation>,
}

/// Why a request was not decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideRefundError {
    /// The request was already decided.
    #[error("the request was already decided")]
    AlreadyDecided,
    /// The payment does not permit the refund.
    #[error(transparent)]
    Refund(#[from] RefundError),
    /// The actor may not decide about the request.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<RefundRefusal> for DecideRefundError {
    fn from(refusal: RefundRefusal) -> Self {
        Self::Refund(refusal.into())
    }
}

/// The parameters of a list of requests for refunds.
#[derive(Debug, Clone, PartialEq)]
pub struct ListRefundRequests {
    /// The conditions that the listed requests meet.
    pub filter: RefundRequestFilter,
    /// The requested page.
    pub page: PageSelection,
}

impl Payments {
    /// Requests a refund of the buyer's order; `None` when the buyer has no such order.
    ///
    /// # Errors
    /// See [`RequestRefundError`].
    pub async fn request_refund(
        &self,
        buyer: Actor,
        order_id: OrderId,
        wanted: NewRefundRequest,
    ) -> Result<Option<RefundRequestView>, RequestRefundError> {
        let Some(shown) = self.orders.order_view(order_id).await? else { return Ok(None) };
        let admins = self.administrators().await?;
        let made =
            retried(&*self.backoff, |attempt| self.try_request(attempt, buyer, &shown, &wanted, &admins))
                .await?;
        Ok(made.map(|request| RefundRequestView { request, buyer: shown.buyer }))
    }

    async fn try_request(
        &self,
        attempt: Attempt,
        buyer: Actor,
        shown: &OrderView,
        wanted: &NewRefundRequest,
        admins: &[Administrator],
    ) -> Result<Option<RefundRequest>, RequestRefundError> {
        let now = self.clock.now();
        let mut unit = self.store.begin_own(attempt, &buyer).await?;
        let found = unit.find_order_for_update(shown.id).await?;
        let Some(order) = found.filter(|order| order.user_id == buyer.user_id) else { return Ok(None) };
        match order.state.status() {
            OrderStatus::Paid | OrderStatus::PartiallyRefunded => {}
            OrderStatus::Pending | OrderStatus::Canceled | OrderStatus::Refunded => {
                return Err(RequestRefundError::OrderNotPaid);
            }
        }
        let Some(held) = self.hold_paying(&mut *unit, &order).await? else {
            return Err(RequestRefundError::OrderNotPaid);
        };
        let items = requested(&held, wanted.movies.as_deref())?;
        let price = items.iter().fold(0_i64, |sum, item| sum.saturating_add(item.price.minor()));
        let left = held.money().left_minor();
        if left == 0 && price > 0 {
            return Err(RequestRefundError::AlreadyRefunded);
        }
        let request = RefundRequest {
            id: self.ids.next(),
            order_id: order.id,
            user_id: order.user_id,
            items: items
                .iter()
                .map(|item| RequestedItem { order_item_id: item.order_item_id, movie_id: item.movie_id })
                .collect(),
            amount: Money::from_minor(price.min(left), order.total.currency()),
            reason: Some(wanted.reason.as_str().to_owned()),
            status: RefundRequestStatus::Open,
            note: None,
            refund_id: None,
            created_at: now,
            decided_at: None,
        };
        if !unit.insert_refund_request(&request).await? {
            return Err(RequestRefundError::AlreadyRequested);
        }
        let mail = RefundRequested {
            number: shown.number.clone(),
            order_id: shown.id,
            amount: request.amount,
            movies: names(shown, &request),
        };
        let key = format!("refund_requested:{}", request.id);
        if let Some(buyer) = &shown.buyer {
            self.push_mail(&mut *unit, Some(buyer.id), &buyer.email, key.clone(), &mail, now).await?;
        }
        self.push_to_admins(&mut *unit, admins, &key, &mail, now).await?;
        unit.commit().await?;
        Ok(Some(request))
    }

    /// Locks the payment that paid the order, and reads its items, refunds and disputes; `None` when no payment has
    /// paid the order.
    async fn hold_paying(&self, unit: &mut dyn OrderUnit, order: &Order) -> Result<Option<Held>, StoreError> {
        match unit.paying_payment(order.id).await? {
            Some(id) => self.hold(unit, order, id).await,
            None => Ok(None),
        }
    }

    /// Approves or rejects a request. An approval reserves a refund, which the caller then requests from the provider
    /// with [`Payments::send_refund`]. If all movies of the refund are free, the refund succeeds immediately, without
    /// the provider. Returns `None` when there is no such request, `Some(None)` when the request was rejected, and
    /// otherwise the identifier of the refund.
    ///
    /// # Errors
    /// See [`DecideRefundError`].
    pub async fn decide_refund(
        &self,
        admin: Actor,
        id: RefundRequestId,
        decision: &Decision,
        origin: &Origin,
    ) -> Result<Option<Option<RefundId>>, DecideRefundError> {
        let Some(asked) = self.refund_requests.refund_request(id).await? else { return Ok(None) };
        let Some(shown) = self.orders.order_view(asked.request.order_id).await? else { return Ok(None) };
        retried(&*self.backoff, |attempt| self.try_decide(attempt, admin, id, &shown, decision, origin)).await
    }

    async fn try_decide(
        &self,
        attempt: Attempt,
        admin: Actor,
        id: RefundRequestId,
        shown: &OrderView,
        decision: &Decision,
        origin: &Origin,
    ) -> Result<Option<Option<RefundId>>, DecideRefundError> {
        let now = self.clock.now();
        let begun = self.store.begin_order_as_admin(attempt, &admin, shown.id).await?;
        let Some((mut unit, mut order)) = begun else { return Ok(None) };
        let Some(mut request) = unit.find_refund_request(id).await? else { return Ok(None) };
        if request.status != RefundRequestStatus::Open {
            return Err(DecideRefundError::AlreadyDecided);
        }
        request.status = RefundRequestStatus::Rejected;
        request.decided_at = Some(now);
        request.note = decision.note.as_ref().map(|note| note.as_str().to_owned());
        if decision.is_approved {
            let held = self.hold_paying(&mut *unit, &order).await?;
            let mut held = held.ok_or(RefundRefusal::NotPaid)?;
            let movies: Vec<_> = request.items.iter().map(|item| item.movie_id).collect();
            let is_rest = {
                let money = held.money();
                let mut left = held.items.iter().filter(|item| !money.is_returning(item.id));
                left.all(|item| movies.contains(&item.movie_id))
            };
            // A request for all remaining items gets the complete remaining amount, even if this amount is less than
            // the sum of their prices.
            let is_unreturned = movies.iter().all(|movie| !is_returning(&held, *movie));
            let plan =
                held.money().plan_refund(if is_rest && is_unreturned { None } else { Some(&movies) })?;
            let refund = self.reserve(&mut *unit, &mut held, self.ids.next(), plan, APPROVED, now).await?;
            if refund.state != RefundState::Pending {
                self.write_consequences(&mut *unit, &mut order, &mut held, now).await?;
                self.announce_refund(&mut *unit, &held.payment, &refund, shown, now).await?;
            }
            request.status = RefundRequestStatus::Approved;
            request.refund_id = Some(refund.id);
        }
        unit.decide_refund_request(&request).await?;
        if let Some(buyer) = &shown.buyer {
            let mail = RefundDecided {
                number: shown.number.clone(),
                order_id: shown.id,
                amount: request.amount,
                is_approved: decision.is_approved,
                note: request.note.clone(),
            };
            let key = format!("refund_decided:{id}");
            self.push_mail(&mut *unit, Some(buyer.id), &buyer.email, key, &mail, now).await?;
        }
        let decided =
            AuditState::of([("request", id.to_string()), ("status", request.status.as_str().to_owned())]);
        let entry = NewAuditEntry::by(admin.user_id, AuditAction::RefundRequestDecided)
            .on(AuditObject::User(request.user_id))
            .to(decided);
        self.recorder.audit(&mut *unit, entry, origin, now).await?;
        unit.commit().await?;
        Ok(Some(request.refund_id))
    }

    /// Returns a request with its buyer; `None` when there is no such request.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn show_refund_request(
        &self,
        id: RefundRequestId,
    ) -> Result<Option<RefundRequestView>, StoreError> {
        self.refund_requests.refund_request(id).await
    }

    /// Returns a page of the requests that match the filter, the newest first.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_refund_requests(
        &self,
        wanted: ListRefundRequests,
    ) -> Result<Listing<RefundRequestView>, ListError> {
        let ListRefundRequests { filter, page } = wanted;
        let context = format!("refund requests {filter:?}");
        let request = self.cursors.request(&context, page)?;
        let page = self.refund_requests.refund_request_page(&filter, &request).await?;
        Ok(self.cursors.listing(&context, &request, page))
    }

    /// Returns a page of the requests about the buyer's order, the newest first; `None` when the buyer has no such
    /// order.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_requests_of_order(
        &self,
        buyer: Actor,
        order_id: OrderId,
        page: PageSelection,
    ) -> Result<Option<Listing<RefundRequestView>>, ListError> {
        let order = self.orders.order_view(order_id).await?;
        let is_own = order.and_then(|order| order.buyer).is_some_and(|found| found.id == buyer.user_id);
        if !is_own {
            return Ok(None);
        }
        let filter = RefundRequestFilter { order_id: Some(order_id), ..RefundRequestFilter::default() };
        self.list_refund_requests(ListRefundRequests { filter, page }).await.map(Some)
    }
}

/// The reason that is stored with the refund for an approved request. The buyer's own text is not copied to the
/// refund: it is stored only with the request, where it can be erased.
const APPROVED: &str = "The buyer's request was approved.";

fn is_returning(held: &Held, movie: MovieId) -> bool {
    let money = held.money();
    held.items.iter().any(|item| item.movie_id == movie && money.is_returning(item.id))
}

/// Returns the paid items of the wanted movies; for `None`, all items that are neither refunded nor being refunded.
fn requested(held: &Held, wanted: Option<&[MovieId]>) -> Result<Vec<PaidItem>, RequestRefundError> {
    let money = held.money();
    let Some(movies) = wanted else {
        let rest: Vec<_> = held.items.iter().filter(|item| !money.is_returning(item.id)).copied().collect();
        return if rest.is_empty() { Err(RequestRefundError::AlreadyRefunded) } else { Ok(rest) };
    };
    let is_paid = |id: &MovieId| held.items.iter().any(|item| item.movie_id == *id);
    let unknown = movies.iter().enumerate().filter(|(_, id)| !is_paid(id)).map(|(place, _)| place);
    let unknown: Vec<_> = unknown.collect();
    if !unknown.is_empty() {
        return Err(RequestRefundError::UnknownMovies(unknown));
    }
    let items = held.items.iter().filter(|item| movies.contains(&item.movie_id));
    let items: Vec<_> = items.copied().collect();
    if items.iter().any(|item| money.is_returning(item.id)) {
        return Err(RequestRefundError::AlreadyRefunded);
    }
    Ok(items)
}

fn names(shown: &OrderView, request: &RefundRequest) -> Vec<String> {
    let is_requested = |id: MovieId| request.items.iter().any(|item| item.movie_id == id);
    let movies = shown.items.iter().filter(|movie| is_requested(movie.id));
    movies.map(|movie| format!("{} ({})", movie.name, movie.year)).collect()
}
