use crate::{
    id::MovieId,
    money::Money,
    payments::{MoneyBack, PaidItem, RefundItem},
};

/// The maximum length of an explanation of a refund, in characters.
pub const MAX_EXPLANATION_LENGTH: usize = 1_000;

/// The reason for requesting or making a refund, or the note on the decision about a request: 1 to 1,000 characters,
/// without surrounding white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation(String);

/// The text cannot explain a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidExplanation {
    /// The text is blank.
    #[error("must have at least one character")]
    Empty,
    /// The text is longer than [`MAX_EXPLANATION_LENGTH`].
    #[error("must have at most 1,000 characters")]
    TooLong,
}

impl Explanation {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Explanation {
    type Err = InvalidExplanation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidExplanation::Empty);
        }
        if text.chars().count() > MAX_EXPLANATION_LENGTH {
            return Err(InvalidExplanation::TooLong);
        }
        Ok(Self(text.to_owned()))
    }
}

/// The amount and the items of a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundPlan {
    /// The amount.
    pub amount: Money,
    /// The items.
    pub items: Vec<RefundItem>,
}

/// Why a refund is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefundRefusal {
    /// No money arrived.
    #[error("no money of the payment arrived")]
    NotPaid,
    /// A dispute of the payment is open.
    #[error("a dispute of the payment is open")]
    Disputed,
    /// One of the items, or the whole payment, was already refunded or has a pending refund.
    #[error("an item or the whole payment was already refunded or has a pending refund")]
    AlreadyRefunded,
    /// The refund is larger than the amount of the payment that can still be refunded, or it is a refund of single
    /// items although the buyer paid in another currency.
    #[error("the refund exceeds the refundable amount of the payment")]
    ExceedsPayment,
    /// Some of the movies were not paid with the payment. Contains their positions in the list of movies, from 0.
    #[error("the payment did not pay the movie")]
    UnknownMovies(Vec<usize>),
}

impl MoneyBack<'_> {
    /// Decides the amount and the items of a refund. `wanted` contains the movies to refund; with `None`, the whole
    /// amount that can still be refunded is refunded.
    ///
    /// # Errors
    /// See [`RefundRefusal`].
    pub fn plan_refund(&self, wanted: Option<&[MovieId]>) -> Result<RefundPlan, RefundRefusal> {
        let items = wanted.map(|movies| self.find_items(movies)).transpose()?;
        let received = self.received().ok_or(RefundRefusal::NotPaid)?;
        if self.is_disputed() {
            return Err(RefundRefusal::Disputed);
        }
        let left = self.left_minor();
        let (minor, items) = match items {
            Some(items) => (self.price_of(&items, received, left)?, items),
            None => self.rest(left)?,
        };
        let items = items.into_iter().map(|item| RefundItem { id: item.id, movie_id: item.movie_id });
        Ok(RefundPlan { amount: Money::from_minor(minor, received.currency()), items: items.collect() })
    }

    fn find_items(&self, movies: &[MovieId]) -> Result<Vec<PaidItem>, RefundRefusal> {
        let is_paid = |id: &MovieId| self.items.iter().any(|item| item.movie_id == *id);
        let unknown: Vec<_> =
            movies.iter().enumerate().filter(|(_, id)| !is_paid(id)).map(|(place, _)| place).collect();
        if !unknown.is_empty() {
            return Err(RefundRefusal::UnknownMovies(unknown));
        }
        Ok(self.items.iter().filter(|item| movies.contains(&item.movie_id)).copied().collect())
    }

    fn price_of(&self, items: &[PaidItem], received: Money, left: i64) -> Result<i64, RefundRefusal> {
        if items.iter().any(|item| self.is_returning(item.id)) {
            return Err(RefundRefusal::AlreadyRefunded);
        }
        let price = items.iter().fold(0_i64, |sum, item| sum.saturating_add(item.price.minor()));
        // Single items cannot be refunded when the buyer paid in another currency than requested.
        let has_prices = items.iter().all(|item| item.price.currency() == received.currency());
        if price <= left && has_prices {
            return Ok(price);
        }
        Err(if self.is_emptied_at_provider() {
            RefundRefusal::AlreadyRefunded
        } else {
            RefundRefusal::ExceedsPayment
        })
    }

    /// The amount that can still be refunded, and the items that no pending or succeeded refund includes.
    fn rest(&self, left: i64) -> Result<(i64, Vec<PaidItem>), RefundRefusal> {
        let items: Vec<_> = self.items.iter().filter(|item| !self.is_returning(item.id)).copied().collect();
        let is_free = !items.is_empty() && items.iter().all(|item| item.price.minor() == 0);
        if left > 0 || is_free {
            return Ok((left, items));
        }
        Err(if self.has_lost() { RefundRefusal::ExceedsPayment } else { RefundRefusal::AlreadyRefunded })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::{
        id::Id,
        orders::RefundedPart,
        payments::{
            Dispute, DisputeState, Payment, PaymentState, Refund, RefundOrigin, RefundReport, RefundState,
            Settlement,
        },
        purchases::Entitlement,
        time::Instant,
    };

    fn id<K: crate::id::Kind>(number: u128) -> Id<K> {
        Id::from_uuid(Uuid::from_u128(number))
    }

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, "USD".parse().unwrap())
    }

    fn at() -> Instant {
        Instant::UNIX_EPOCH
    }

    fn items(prices: &[i64]) -> Vec<PaidItem> {
        (1..)
            .zip(prices)
            .map(|(n, price)| PaidItem {
                id: id(n),
                order_item_id: id(n),
                movie_id: id(n),
                price: usd(*price),
            })
            .collect()
    }

    fn paid(items: &[PaidItem]) -> Payment {
        let sum = items.iter().map(|item| item.price.minor()).sum();
        Payment {
            id: id(1),
            order_id: id(1),
            user_id: id(1),
            provider: "test".to_owned(),
            state: PaymentState::Successful { completed_at: at() },
            amount: usd(sum),
            refunded: usd(0),
            disputed: usd(0),
            free_refund: RefundedPart::Nothing,
            items: Vec::new(),
            request: None,
            checkout: None,
            charge: None,
            settlement: Some(Settlement::PaysOrder),
            created_at: at(),
            next_check_at: None,
            checks: 0,
        }
    }

    fn refund(number: u128, plan: RefundPlan, origin: RefundOrigin) -> Refund {
        Refund {
            id: id(number),
            payment_id: id(1),
            origin,
            state: RefundState::Pending,
            amount: plan.amount,
            items: plan.items,
            reason: "test".to_owned(),
            external_id: None,
            created_at: at(),
            next_check_at: None,
            checks: 0,
        }
    }

    fn done(refund: Refund) -> Refund {
        Refund { state: refund.state.apply(RefundReport::Succeeded { at: at() }), ..refund }
    }

    fn at_provider(minor: i64) -> Refund {
        done(refund(90, RefundPlan { amount: usd(minor), items: Vec::new() }, RefundOrigin::Provider))
    }

    fn dispute(minor: i64, state: DisputeState) -> Dispute {
        Dispute {
            id: id(1),
            payment_id: id(1),
            external_id: "d".to_owned(),
            amount: usd(minor),
            withdrawn: usd(minor),
            reason: "fraudulent".to_owned(),
            state,
            due_by: None,
            created_at: at(),
            next_check_at: None,
            checks: 0,
        }
    }

    /// Plans a refund of these movies, after these refunds and disputes. Returns the amount in minor units, and the
    /// number of items.
    fn plan(
        prices: &[i64],
        refunds: &[Refund],
        disputes: &[Dispute],
        wanted: Option<&[u128]>,
    ) -> Result<(i64, usize), RefundRefusal> {
        let items = items(prices);
        let payment = paid(&items);
        let wanted: Option<Vec<MovieId>> = wanted.map(|wanted| wanted.iter().map(|n| id(*n)).collect());
        let money = MoneyBack { payment: &payment, items: &items, refunds, disputes };
        money.plan_refund(wanted.as_deref()).map(|plan| (plan.amount.minor(), plan.items.len()))
    }

    fn of_first(prices: &[i64]) -> Refund {
        let items = items(prices);
        let payment = paid(&items);
        let money = MoneyBack { payment: &payment, items: &items, refunds: &[], disputes: &[] };
        refund(50, money.plan_refund(Some(&[id(1)])).unwrap(), RefundOrigin::Administrator)
    }

    #[test]
    fn single_items_or_the_remaining_amount_are_refunded() {
        let prices = [999, 799];
        assert_eq!(plan(&prices, &[], &[], None), Ok((1_798, 2)));
        assert_eq!(plan(&prices, &[], &[], Some(&[2])), Ok((799, 1)));
        assert_eq!(plan(&prices, &[of_first(&prices)], &[], None), Ok((799, 1)));
    }

    #[test]
    fn items_with_a_pending_or_succeeded_refund_are_not_refunded_again() {
        let prices = [999, 799];
        for first in [of_first(&prices), done(of_first(&prices))] {
            assert_eq!(plan(&prices, &[first], &[], Some(&[1, 2])), Err(RefundRefusal::AlreadyRefunded));
        }
        let failed = Refund { state: RefundState::Failed { at: at() }, ..of_first(&prices) };
        assert_eq!(plan(&prices, &[failed], &[], Some(&[1])), Ok((999, 1)));
        assert_eq!(plan(&[999], &[of_first(&[999])], &[], None), Err(RefundRefusal::AlreadyRefunded));
    }

    #[test]
    fn after_a_refund_at_the_provider_only_the_rest_is_refunded() {
        let prices = [999, 799];
        let refunds = [at_provider(1_000)];
        assert_eq!(plan(&prices, &refunds, &[], Some(&[1])), Err(RefundRefusal::ExceedsPayment));
        assert_eq!(plan(&prices, &refunds, &[], None), Ok((798, 2)));
        let all = [at_provider(1_798)];
        assert_eq!(plan(&prices, &all, &[], Some(&[1])), Err(RefundRefusal::AlreadyRefunded));
        assert_eq!(plan(&prices, &all, &[], None), Err(RefundRefusal::AlreadyRefunded));
    }

    #[test]
    fn money_in_an_open_or_lost_dispute_is_not_refunded() {
        let lost = [dispute(1_798, DisputeState::Lost { closed_at: at() })];
        let prices = [999, 799];
        assert_eq!(plan(&prices, &[], &[dispute(1, DisputeState::Open)], None), Err(RefundRefusal::Disputed));
        for wanted in [None, Some(&[1][..])] {
            assert_eq!(plan(&prices, &[], &lost, wanted), Err(RefundRefusal::ExceedsPayment));
        }
        let won = [dispute(1_798, DisputeState::Won { closed_at: at() })];
        assert_eq!(plan(&prices, &[], &won, None), Ok((1_798, 2)));
    }

    #[test]
    fn free_orders_are_refunded_without_money() {
        assert_eq!(plan(&[0], &[], &[], None), Ok((0, 1)));
        assert_eq!(plan(&[999, 0], &[of_first(&[999, 0])], &[], None), Ok((0, 1)));
        assert_eq!(plan(&[0], &[of_first(&[0])], &[], None), Err(RefundRefusal::AlreadyRefunded));
    }

    #[test]
    fn unknown_movies_are_reported_by_their_positions() {
        assert_eq!(plan(&[1], &[], &[], Some(&[7, 1, 8])), Err(RefundRefusal::UnknownMovies(vec![0, 2])));
    }

    #[test]
    fn money_with_a_wrong_amount_is_refunded_as_received() {
        let items = items(&[999]);
        let received = Money::from_minor(500, "EUR".parse().unwrap());
        let state = PaymentState::Mismatched { received, completed_at: at() };
        let payment = Payment { state, settlement: None, ..paid(&items) };
        let money = MoneyBack { payment: &payment, items: &items, refunds: &[], disputes: &[] };
        assert_eq!(money.plan_refund(None).unwrap().amount, received);
        assert_eq!(money.plan_refund(Some(&[id(1)])), Err(RefundRefusal::ExceedsPayment));
        assert_eq!(money.entitlements(), Vec::new());
    }

    #[test]
    fn the_entitlements_of_the_buyer_follow_refunds_and_disputes() {
        use Entitlement::{Live, Revoked, Suspended};
        let prices = [999, 799];
        let items = items(&prices);
        let payment = paid(&items);
        let has = |refunds: &[Refund], disputes: &[Dispute]| {
            let money = MoneyBack { payment: &payment, items: &items, refunds, disputes };
            (money.entitlements().into_iter().map(|(_, has)| has).collect::<Vec<_>>(), money.refunded_part())
        };
        let first = of_first(&prices);
        let open = [dispute(1_798, DisputeState::Open)];
        let lost = [dispute(100, DisputeState::Lost { closed_at: at() })];
        for (refunds, disputes, expected, part) in [
            (vec![], &[][..], [Live, Live], RefundedPart::Nothing),
            (vec![first.clone()], &[], [Live, Live], RefundedPart::Nothing),
            (vec![done(first.clone())], &[], [Revoked, Live], RefundedPart::Some),
            (vec![done(first)], &open[..], [Revoked, Suspended], RefundedPart::Some),
            (vec![], &lost[..], [Revoked, Revoked], RefundedPart::Nothing),
            (vec![at_provider(5)], &[], [Live, Live], RefundedPart::Some),
            (vec![at_provider(1_798)], &[], [Revoked, Revoked], RefundedPart::All),
        ] {
            assert_eq!(has(&refunds, disputes), (expected.to_vec(), part), "{refunds:?} {disputes:?}");
        }
    }

    /// A report of a provider about one of two refunds or about a dispute.
    #[derive(Debug, Clone, Copy)]
    enum Told {
        First(RefundReport),
        Second(RefundReport),
        Dispute(DisputeState),
    }

    /// The entitlements, the refunded part and the ledger entries after these reports.
    fn after(told: &[Told]) -> (Vec<Entitlement>, RefundedPart, Vec<crate::payments::Posting>) {
        let prices = [999, 799];
        let items = items(&prices);
        let payment = paid(&items);
        let of = |number: u128, place: usize| {
            let item = items[place];
            let plan = RefundPlan {
                amount: item.price,
                items: vec![RefundItem { id: item.id, movie_id: item.movie_id }],
            };
            refund(number, plan, RefundOrigin::Administrator)
        };
        let mut refunds = [of(50, 0), of(51, 1)];
        let mut dispute = dispute(799, DisputeState::Open);
        for told in told {
            match told {
                Told::First(report) => refunds[0].state = refunds[0].state.apply(*report),
                Told::Second(report) => refunds[1].state = refunds[1].state.apply(*report),
                Told::Dispute(report) => dispute.state = dispute.state.apply(*report),
            }
        }
        let money = MoneyBack { payment: &payment, items: &items, refunds: &refunds, disputes: &[dispute] };
        let has = money.entitlements().into_iter().map(|(_, has)| has).collect();
        (has, money.refunded_part(), money.postings())
    }

    fn told_in_any_order() -> impl Strategy<Value = Vec<Told>> {
        let later = Instant::from_timestamp(9, 0).unwrap();
        let story = vec![
            Told::First(RefundReport::Pending),
            Told::First(RefundReport::Succeeded { at: at() }),
            Told::First(RefundReport::Failed { at: later }),
            Told::Second(RefundReport::Pending),
            Told::Second(RefundReport::Succeeded { at: at() }),
            Told::Dispute(DisputeState::Open),
            Told::Dispute(DisputeState::Won { closed_at: later }),
        ];
        let repeated = prop::sample::subsequence(story.clone(), 0..=story.len());
        repeated.prop_map(move |repeated| [story.clone(), repeated].concat()).prop_shuffle()
    }

    proptest! {
        #[test]
        fn any_order_of_reports_with_repeats_ends_in_the_same_state(told in told_in_any_order()) {
            use Entitlement::{Live, Revoked};
            let (has, part, postings) = after(&told);
            prop_assert_eq!((has, part), (vec![Live, Revoked], RefundedPart::Some));
            prop_assert_eq!(postings.iter().map(|posting| posting.amount.minor()).sum::<i64>(), 0);
            let sorted = after(&[
                Told::First(RefundReport::Failed { at: at() }),
                Told::Second(RefundReport::Succeeded { at: at() }),
                Told::Dispute(DisputeState::Won { closed_at: at() }),
            ]);
            prop_assert_eq!(postings, sorted.2);
        }

        #[test]
        fn refunds_never_exceed_what_was_paid(
            prices in prop::collection::vec(0_i64..1_000, 1..6),
            wishes in prop::collection::vec((prop::option::of(prop::collection::vec(1_u128..7, 1..3)), any::<bool>()), 0..12),
            by_hand in prop::option::of(1_i64..500),
        ) {
            let items = items(&prices);
            let payment = paid(&items);
            let mut refunds: Vec<Refund> = by_hand
                .filter(|minor| *minor <= payment.amount.minor())
                .map(at_provider)
                .into_iter()
                .collect();
            for (number, (wanted, succeeds)) in (100..).zip(wishes) {
                let wanted: Option<Vec<MovieId>> = wanted.map(|wanted| wanted.into_iter().map(id).collect());
                let money = MoneyBack { payment: &payment, items: &items, refunds: &refunds, disputes: &[] };
                let Ok(plan) = money.plan_refund(wanted.as_deref()) else { continue };
                let new = refund(number, plan, RefundOrigin::Administrator);
                let failed = Refund { state: RefundState::Failed { at: at() }, ..new.clone() };
                refunds.push(if succeeds { done(new) } else { failed });
            }
            let money = MoneyBack { payment: &payment, items: &items, refunds: &refunds, disputes: &[] };
            prop_assert!(money.refunded_minor() <= payment.amount.minor());
            prop_assert_eq!(money.left_minor().saturating_add(money.refunded_minor()), payment.amount.minor());
            let twice = items.iter().any(|item| {
                refunds
                    .iter()
                    .filter(|refund| refund.is_active())
                    .flat_map(|refund| &refund.items)
                    .filter(|returned| returned.id == item.id)
                    .count() > 1
            });
            prop_assert!(!twice);
        }
    }
}
