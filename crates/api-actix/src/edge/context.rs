//! Data about a request that middleware and extractors share in its extensions.

/// The id of the request. The answer, the log and the audit log contain it.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// The id of the signed-in user, for the log and for limits by user.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn(pub(crate) String);

/// Marks a request whose method is HEAD. Handlers see it as GET.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AskedForHead;
