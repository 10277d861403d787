use crate::accounts::Device;

/// The origin of a request, which is recorded in the audit log and in new sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The device that sent the request.
    pub device: Device,
    /// The identifier of the request; `None` on the command line.
    pub request_id: Option<String>,
}
