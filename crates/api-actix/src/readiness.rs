//! What the server needs to do its work: a port that the composition root implements.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::Serialize;

/// Checks what the server needs.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Checks everything that the server needs. MUST answer within a second, whatever has failed.
    async fn components(&self) -> Vec<Component>;

    /// Whether the server is about to stop. Every answer then closes its connection, so that clients connect to another node.
    fn is_draining(&self) -> bool;
}

/// One thing that the server needs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ComponentHealth")]
pub struct Component {
    /// `database`, `migrations`, `redis` or `media`.
    pub name: String,
    /// Whether it works.
    pub ok: bool,
    /// Whether the server is unavailable without it. Without another component it does less.
    pub required: bool,
    /// What is wrong with it; no addresses, no secrets.
    pub detail: Option<String>,
}
