//! What every storage port shares.

/// The store failed in a way that no caller can mend: opaque on purpose, kept whole for the log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store is away, overloaded or full for now; the same call may succeed later (503 at the edge).
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Anything else (500 at the edge).
    #[error("the store failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// The store is away, overloaded or full for now.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unavailable(source.into())
    }

    /// The store failed, or holds what it must not.
    pub fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed(source.into())
    }
}
