//! Data about a request that middleware and extractors share in its extensions.

/// The id of the request, which is included in its answer, in the log and in the audit log.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

/// The id of the signed-in user, for the log and for limits by user.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn(pub(crate) String);

/// The method of the request is HEAD, which handlers see as GET.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AskedForHead;
