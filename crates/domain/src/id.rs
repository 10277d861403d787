//! Typed identifiers: a `MovieId` can never be passed where a `UserId` is wanted.

use std::{fmt, hash::Hash, marker::PhantomData, str::FromStr};

use uuid::Uuid;

/// Names a kind of thing that has an identifier.
pub trait Kind: Send + Sync + 'static {
    /// Stands before the UUID in `Debug`: `user_0190…`.
    const PREFIX: &'static str;
}

/// An identifier of one kind: a UUIDv7 (RFC 9562), made by the application before the insert.
pub struct Id<K: Kind>(Uuid, PhantomData<fn() -> K>);

impl<K: Kind> Id<K> {
    /// For adapters: gives the identifier that was stored or received as this UUID.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// For adapters: the UUID to store or to send.
    #[must_use]
    pub const fn as_uuid(&self) -> Uuid {
        self.0
    }
}

impl<K: Kind> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K: Kind> Copy for Id<K> {}
impl<K: Kind> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K: Kind> Eq for Id<K> {}
impl<K: Kind> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K: Kind> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K: Kind> Hash for Id<K> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", K::PREFIX, self.0)
    }
}
impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The text is no UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct InvalidId;

impl<K: Kind> FromStr for Id<K> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // Only the hyphenated form: one spelling an identifier.
        if text.len() != 36 {
            return Err(InvalidId);
        }
        Uuid::try_parse(text).map(Self::from_uuid).map_err(|_| InvalidId)
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $alias:ident = $kind:ident $prefix:literal;)*) => {$(
        #[doc = concat!("Marks identifiers written `", $prefix, "_…` in logs.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $kind {}
        impl Kind for $kind {
            const PREFIX: &'static str = $prefix;
        }
        $(#[$doc])*
        pub type $alias = Id<$kind>;
    )*};
}

kinds! {
    /// Identifies a user.
    UserId = UserKind "user";
    /// Identifies a sign-in and its family of refresh tokens.
    SessionId = SessionKind "session";
    /// Identifies a stored token (activation, password reset, refresh).
    TokenId = TokenKind "token";
    /// Identifies a profile.
    ProfileId = ProfileKind "profile";
    /// Identifies a row of the audit log.
    AuditEntryId = AuditEntryKind "audit";
    /// Identifies a movie.
    MovieId = MovieKind "movie";
    /// Identifies a genre.
    GenreId = GenreKind "genre";
    /// Identifies an actor.
    StarId = StarKind "star";
    /// Identifies a director.
    DirectorId = DirectorKind "director";
    /// Identifies an age certification.
    CertificationId = CertificationKind "certification";
    /// Identifies a comment.
    CommentId = CommentKind "comment";
    /// Identifies a cart.
    CartId = CartKind "cart";
    /// Identifies an item of a cart.
    CartItemId = CartItemKind "cart_item";
    /// Identifies what a user bought.
    PurchaseId = PurchaseKind "purchase";
    /// Identifies an order.
    OrderId = OrderKind "order";
    /// Identifies an item of an order.
    OrderItemId = OrderItemKind "order_item";
    /// Identifies an attempt to pay an order.
    PaymentId = PaymentKind "payment";
    /// Identifies money that goes back to the buyer.
    RefundId = RefundKind "refund";
    /// Identifies a buyer's request for a refund.
    RefundRequestId = RefundRequestKind "refund_request";
    /// Identifies a dispute of a payment.
    DisputeId = DisputeKind "dispute";
    /// Identifies this shop among all that use the same account at the payment provider.
    ShopId = ShopKind "shop";
    /// Identifies a message that waits to be acted on or sent.
    OutboxId = OutboxKind "outbox";
}

/// Makes identifiers, so that tests can decide them.
pub trait IdGenerator: Send + Sync {
    /// MUST give a new UUIDv7 each time, ordered by time within a process.
    fn uuid(&self) -> Uuid;
}

impl dyn IdGenerator + '_ {
    /// A new identifier of any kind.
    pub fn next<K: Kind>(&self) -> Id<K> {
        Id::from_uuid(self.uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_names_the_kind_and_display_does_not() {
        let id = UserId::from_uuid(Uuid::nil());
        assert_eq!(format!("{id:?}"), "user_00000000-0000-0000-0000-000000000000");
        assert_eq!(id.to_string(), "00000000-0000-0000-0000-000000000000");
    }

    #[test]
    fn only_the_hyphenated_form_is_read() {
        assert!("0190a1b2-0000-7000-8000-000000000000".parse::<MovieId>().is_ok());
        for bad in ["", "1", "0190a1b2000070008000000000000000", "{0190a1b2-0000-7000-8000-000000000000}"] {
            assert_eq!(bad.parse::<MovieId>(), Err(InvalidId), "{bad}");
        }
    }
}
