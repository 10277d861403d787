//! Data about a request that middleware and extractors share in its extensions.

/// The id of the request. It is part of the response, the log and the audit log.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// The id of the signed-in user, for the log and for limits by user.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn(pub(crate) String);

/// Marks a request that was sent with the method HEAD. The middleware changes the method to GET before the handler
/// runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AskedForHead;
