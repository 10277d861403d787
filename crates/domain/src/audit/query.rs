use std::str::FromStr;

use async_trait::async_trait;
use uuid::Uuid;

use crate::{
    audit::{AuditAction, AuditState},
    id::{AuditEntryId, UserId},
    page::{Page, PageRequest},
    store::StoreError,
    time::Instant,
};

/// The text is not the name of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownAction;

impl std::fmt::Display for UnknownAction {
    /// Lists the names of all actions.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "must be one of {}", AuditAction::ALL.map(AuditAction::as_str).join(", "))
    }
}

impl std::error::Error for UnknownAction {}

impl FromStr for AuditAction {
    type Err = UnknownAction;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|action| action.as_str() == text).ok_or(UnknownAction)
    }
}

/// The object of an action, as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedObject {
    /// The name of the object's kind.
    pub kind: String,
    /// The identifier of the object.
    pub id: Uuid,
}

/// An entry of the audit log as it was recorded. Names are texts, since a newer version of the program may have written
/// them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// The identifier of the entry.
    pub id: AuditEntryId,
    /// When the action happened.
    pub at: Instant,
    /// The kind of action.
    pub action: String,
    /// The user who performed the action.
    pub actor: Option<UserId>,
    /// The object of the action.
    pub object: Option<RecordedObject>,
    /// The changed fields before the action.
    pub before: Option<AuditState>,
    /// The changed fields after the action.
    pub after: Option<AuditState>,
    /// The network of the client.
    pub network: Option<String>,
    /// The identifier of the request.
    pub request_id: Option<String>,
}

/// A filter of audit entries. A matching entry meets every condition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Entries of actions by this user.
    pub actor: Option<UserId>,
    /// Entries of actions on the object with this identifier.
    pub object: Option<Uuid>,
    /// Entries of this action.
    pub action: Option<AuditAction>,
    /// Entries of actions at this moment or later.
    pub from: Option<Instant>,
    /// Entries of actions before this moment.
    pub to: Option<Instant>,
}

/// Reads the audit log.
#[async_trait]
pub trait AuditQueries: Send + Sync {
    /// Returns a page of the rows that match the filter, the newest first. Rows with the same time MUST be in
    /// descending order of their identifiers. A numbered page MUST contain the total number of rows; a page after a
    /// position MUST NOT contain the total. A position MUST stay valid while rows are added.
    async fn audit_page(
        &self,
        filter: &AuditFilter,
        request: &PageRequest,
    ) -> Result<Page<AuditRecord>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_can_be_parsed_and_other_names_are_refused_with_a_list_of_actions() {
        for action in AuditAction::ALL {
            assert_eq!(action.as_str().parse(), Ok(action));
        }
        let refused = "Signed_In".parse::<AuditAction>().unwrap_err().to_string();
        assert!(refused.contains("signed_in, sign_in_failed"), "{refused}");
    }
}
