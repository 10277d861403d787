use std::collections::BTreeMap;

use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    id::{LedgerEntryId, PaymentId},
    money::{Currency, Money},
    payments::{MoneyBack, RefundStatus, Settlement},
    store::StoreError,
    time::Instant,
};

/// An account of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Money of the shop at the payment provider.
    Provider,
    /// Earned money. The balance is negative, because the money was moved from this account to [`Account::Provider`].
    Sales,
    /// Refunds of sales.
    Refunds,
    /// Money lost in disputes.
    Disputes,
    /// Money that paid no order and is owed to the buyers. The balance is negative, as that of [`Account::Sales`].
    Unallocated,
}

impl Account {
    /// All accounts.
    pub const ALL: [Self; 5] =
        [Self::Provider, Self::Sales, Self::Refunds, Self::Disputes, Self::Unallocated];

    /// The name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Sales => "sales",
            Self::Refunds => "refunds",
            Self::Disputes => "disputes",
            Self::Unallocated => "unallocated",
        }
    }
}

/// The kind of a movement of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Movement {
    /// The money of a payment arrived.
    Payment,
    /// A refund succeeded.
    Refund,
    /// A dispute took money.
    Dispute,
}

impl Movement {
    /// Every kind of movement.
    pub const ALL: [Self; 3] = [Self::Payment, Self::Refund, Self::Dispute];

    /// The name in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Payment => "payment",
            Self::Refund => "refund",
            Self::Dispute => "dispute",
        }
    }
}

/// An entry of the ledger, or the sum of several entries with the same movement, subject and account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// The kind of movement.
    pub movement: Movement,
    /// The identifier of the payment, refund or dispute.
    pub subject_id: Uuid,
    /// The account.
    pub account: Account,
    /// The amount; negative when money leaves the account.
    pub amount: Money,
}

impl MoneyBack<'_> {
    /// Returns the entries that the ledger must have for the payment. The entries of each movement sum up to zero.
    #[must_use]
    pub fn postings(&self) -> Vec<Posting> {
        let Some(received) = self.received() else { return Vec::new() };
        let pays_order = self.payment.settlement == Some(Settlement::PaysOrder);
        let (earned, returned) = if pays_order {
            (Account::Sales, Account::Refunds)
        } else {
            (Account::Unallocated, Account::Unallocated)
        };
        let arrival = pair(Movement::Payment, self.payment.id.as_uuid(), Account::Provider, earned, received);
        let refunds =
            self.refunds.iter().filter(|refund| refund.state.status() == RefundStatus::Succeeded).flat_map(
                |refund| {
                    pair(Movement::Refund, refund.id.as_uuid(), returned, Account::Provider, refund.amount)
                },
            );
        let disputes = self.disputes.iter().flat_map(|dispute| {
            let id = dispute.id.as_uuid();
            pair(Movement::Dispute, id, Account::Disputes, Account::Provider, dispute.withdrawn)
        });
        arrival
            .into_iter()
            .chain(refunds)
            .chain(disputes)
            .filter(|posting| posting.amount.minor() != 0)
            .collect()
    }
}

/// Returns two entries that move an amount from one account to another.
fn pair(movement: Movement, subject_id: Uuid, to: Account, from: Account, amount: Money) -> [Posting; 2] {
    let posting = |account, minor| Posting {
        movement,
        subject_id,
        account,
        amount: Money::from_minor(minor, amount.currency()),
    };
    [posting(to, amount.minor()), posting(from, amount.minor().saturating_neg())]
}

/// Returns the entries that must be added to `booked`, so that its sums equal the sums of `wanted`.
#[must_use]
pub fn missing_postings(wanted: &[Posting], booked: &[Posting]) -> Vec<Posting> {
    let mut balances: BTreeMap<(Movement, Uuid, Account, String), (i64, Currency)> = BTreeMap::new();
    let mut add = |posting: &Posting, minor: i64| {
        let currency = posting.amount.currency();
        let key = (posting.movement, posting.subject_id, posting.account, currency.code().to_owned());
        let (sum, _) = balances.entry(key).or_insert((0, currency));
        *sum = sum.saturating_add(minor);
    };
    for posting in wanted {
        add(posting, posting.amount.minor());
    }
    for posting in booked {
        add(posting, posting.amount.minor().saturating_neg());
    }
    let posting = |((movement, subject_id, account, _), (minor, currency))| Posting {
        movement,
        subject_id,
        account,
        amount: Money::from_minor(minor, currency),
    };
    balances.into_iter().map(posting).filter(|posting| posting.amount.minor() != 0).collect()
}

/// Stores the ledger. Callers hold the lock of the payment.
#[async_trait]
pub trait LedgerRepository: Send {
    /// The booked sums of the payment for each movement, subject and account.
    async fn booked(&mut self, id: PaymentId) -> Result<Vec<Posting>, StoreError>;
    /// Adds entries. MUST NOT change existing entries.
    async fn book(
        &mut self,
        id: PaymentId,
        entries: &[(LedgerEntryId, Posting)],
        at: Instant,
    ) -> Result<(), StoreError>;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, "USD".parse().unwrap())
    }

    fn states() -> impl Strategy<Value = Vec<Vec<Posting>>> {
        let movement = (0_u128..3, prop_oneof![Just(0_i64), 1_i64..1_000]).prop_map(|(id, minor)| {
            pair(Movement::Refund, Uuid::from_u128(id), Account::Refunds, Account::Provider, usd(minor))
        });
        let state = prop::collection::vec(movement, 0..4).prop_map(|pairs| pairs.concat());
        prop::collection::vec(state, 1..6)
    }

    fn sums(postings: &[Posting]) -> BTreeMap<(Uuid, Account), i64> {
        let mut sums = BTreeMap::new();
        for posting in postings {
            let sum: &mut i64 = sums.entry((posting.subject_id, posting.account)).or_default();
            *sum = sum.saturating_add(posting.amount.minor());
        }
        sums.retain(|_, sum| *sum != 0);
        sums
    }

    proptest! {
        #[test]
        fn the_ledger_follows_every_change_and_sums_up_to_zero(states in states()) {
            let mut booked: Vec<Posting> = Vec::new();
            for wanted in states {
                let missing = missing_postings(&wanted, &booked);
                prop_assert_eq!(missing.iter().map(|posting| posting.amount.minor()).sum::<i64>(), 0);
                booked.extend(missing);
                prop_assert_eq!(sums(&booked), sums(&wanted));
                prop_assert!(missing_postings(&wanted, &booked).is_empty());
            }
        }
    }
}
