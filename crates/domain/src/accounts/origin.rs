use crate::accounts::Device;

/// Where a deed came from: for the audit log, and for the sign-in that it begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The device that asked.
    pub device: Device,
    /// The name of the request (`X-Request-Id`); `None` on the command line.
    pub request_id: Option<String>,
}
