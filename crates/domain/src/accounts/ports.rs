use async_trait::async_trait;

use crate::{
    accounts::{EmailAddress, LinkKind, LinkToken, PasswordHash, User, UserLocks},
    entropy::TokenDigest,
    id::UserId,
    store::StoreError,
};

/// A user cannot be added.
#[derive(Debug, thiserror::Error)]
pub enum InsertUserError {
    /// An account already has this address, possibly in another spelling.
    #[error("the email address is taken")]
    EmailTaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Stores accounts.
#[async_trait]
pub trait UserRepository: Send {
    /// The user, without locking it; `None` when there is no such user.
    async fn find_user(&mut self, id: UserId) -> Result<Option<User>, StoreError>;
    /// The user, locked until the transaction ends.
    async fn find_user_for_update(&mut self, id: UserId) -> Result<Option<User>, StoreError>;
    /// The user with this address (by its key), locked until the transaction ends.
    async fn find_user_by_email_for_update(
        &mut self,
        email: &EmailAddress,
    ) -> Result<Option<User>, StoreError>;
    /// Returns the users that `wanted` selects, in the order of their identifiers. MUST lock them in this order until
    /// the transaction ends, and MUST return the state after all commits of transactions that held the locks earlier.
    async fn find_users_for_update(&mut self, wanted: &UserLocks) -> Result<Vec<User>, StoreError>;
    /// Adds a user. MUST return [`InsertUserError::EmailTaken`] when the address key exists, even when another
    /// transaction adds it concurrently, and the transaction MUST stay usable after this error.
    async fn insert_user(&mut self, user: &User) -> Result<(), InsertUserError>;
    /// Writes all fields of the user except its identifier, the key of its address and its creation time.
    async fn update_user(&mut self, user: &User) -> Result<(), StoreError>;
}

/// Stores the tokens of links in mails.
#[async_trait]
pub trait LinkTokenRepository: Send {
    /// Stores the token. MUST replace the user's previous token of the same kind.
    async fn put_link(&mut self, token: &LinkToken) -> Result<(), StoreError>;
    /// The token, expired or not, without locking or removing it, so that its user can be locked before the token is
    /// taken.
    async fn find_link(
        &mut self,
        kind: LinkKind,
        digest: &TokenDigest,
    ) -> Result<Option<LinkToken>, StoreError>;
    /// Removes and returns the token, expired or not. MUST return it to at most one of several concurrent callers.
    async fn take_link(
        &mut self,
        kind: LinkKind,
        digest: &TokenDigest,
    ) -> Result<Option<LinkToken>, StoreError>;
    /// Removes the user's token of the kind, if there is one.
    async fn remove_link(&mut self, kind: LinkKind, user_id: UserId) -> Result<(), StoreError>;
}

/// The data that a sign-in needs before the password is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user of the credentials.
    pub user_id: UserId,
    /// The hash of the password.
    pub password: PasswordHash,
    /// Whether the account has not been activated yet.
    pub is_awaiting_activation: bool,
    /// The user's version when the credentials were read.
    pub version: i64,
}

/// Reads the credentials of accounts and the links in mails, outside a unit of work (transaction).
#[async_trait]
pub trait CredentialQueries: Send + Sync {
    /// The credentials of the account with this address (by its key); `None` when there is no such account.
    async fn credentials(&self, email: &EmailAddress) -> Result<Option<Credentials>, StoreError>;
    /// The address and the credentials of the user; `None` when there is no such user.
    async fn credentials_of(
        &self,
        user_id: UserId,
    ) -> Result<Option<(EmailAddress, Credentials)>, StoreError>;
    /// The link with this digest, expired or not.
    async fn find_link(&self, kind: LinkKind, digest: &TokenDigest) -> Result<Option<LinkToken>, StoreError>;
}
