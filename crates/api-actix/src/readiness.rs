//! The readiness of the server, as a port (a trait) that the composition root implements.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Serialize;

/// Checks the components that the server uses.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Checks all components. MUST return within a second, even if components have failed.
    async fn components(&self) -> Vec<Component>;

    /// Returns whether the server is shutting down. The server then closes each connection after the next response, so
    /// that clients connect to another server.
    fn is_draining(&self) -> bool;
}

/// One component that the server uses.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ComponentHealth")]
pub struct Component {
    /// The name of the component: `database`, `migrations`, `accepting_requests`, `redis` or `media`.
    pub name: String,
    /// Whether the component works.
    pub ok: bool,
    /// Whether the server is unavailable without the component. Without an optional component, only some functions are
    /// unavailable.
    pub required: bool,
    /// What is wrong with the component, without network addresses and secrets; `null` if it works.
    pub detail: Option<String>,
}
