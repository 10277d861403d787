use crate::accounts::Device;

/// Where a request came from: recorded in the audit log and with new sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The device that sent it.
    pub device: Device,
    /// The identifier of the request; `None` on the command line.
    pub request_id: Option<String>,
}
