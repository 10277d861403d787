//! Every storage port at once, as an adapter implements them.

use crate::{
    accounts::{AccountMaintenance, AccountQueries, AccountStore, PersonalDataQueries, UserQueries},
    audit::{AuditQueries, AuditSeals},
    cart::{CartQueries, CartStore},
    catalog::{CatalogStore, MovieQueries, NameQueries},
    engagement::{CommentQueries, EngagementStore},
    outbox::OutboxQueue,
    store::gathered,
};

gathered! {
    /// A database behind every storage port. A program holds one `Arc<dyn Storage>` and upcasts it to the port that a use
    /// case asks for. This is the only list of the ports; their methods have names that are unambiguous on the whole.
    pub trait Storage:
        AccountStore + AccountQueries + AccountMaintenance
        + UserQueries + PersonalDataQueries
        + AuditQueries + AuditSeals
        + CatalogStore + MovieQueries + NameQueries
        + CartStore + CartQueries
        + EngagementStore + CommentQueries
        + OutboxQueue;
}
