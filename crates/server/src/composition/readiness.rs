use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use api_actix::{Component, Readiness};
use async_trait::async_trait;
use domain::store::StoreError;
use futures_util::future::join_all;

use super::{DatabaseAdmin, Schema, optional_component::OptionalComponent};

/// The maximum duration of one check of the database. At most two of the checks run one after the other, and the rest
/// run in parallel, so all checks together take at most twice this duration.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether the server is shutting down. Clones share the state.
#[derive(Debug, Clone, Default)]
pub(super) struct Draining(Arc<AtomicBool>);

impl Draining {
    pub(super) fn begin(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Checks what the server requires (the database, its schema, and that the server is not shutting down), and its
/// optional components.
pub(super) struct ServerReadiness {
    pub(super) database: Arc<dyn DatabaseAdmin>,
    pub(super) draining: Draining,
    pub(super) optional: Vec<OptionalComponent>,
}

impl ServerReadiness {
    /// Checks that the database responds, and that it is writable. A standby server is not writable.
    async fn database_state(&self) -> Result<(), String> {
        within(self.database.ping(), "does not answer").await?;
        within(self.database.check_writable(), "cannot be written to").await
    }
}

#[async_trait]
impl Readiness for ServerReadiness {
    async fn components(&self) -> Vec<Component> {
        let optional = join_all(self.optional.iter().map(OptionalComponent::state));
        let (database, schema, optional) =
            tokio::join!(self.database_state(), within(self.database.schema(), "does not answer"), optional);
        let schema = schema.and_then(|schema| match schema {
            Schema::Current => Ok(()),
            Schema::Behind(count) => Err(format!("{count} migrations behind")),
            Schema::Ahead => Err("migrated by a newer version".to_owned()),
        });
        let draining = if self.draining.has_begun() { Err("about to stop".to_owned()) } else { Ok(()) };
        let mut components = vec![
            component("database", true, database),
            component("migrations", true, schema),
            component("accepting_requests", true, draining),
        ];
        let names = self.optional.iter().map(|component| component.name);
        components.extend(names.zip(optional).map(|(name, state)| component(name, false, state)));
        components
    }

    fn is_draining(&self) -> bool {
        self.draining.has_begun()
    }
}

/// Waits for the outcome of a check up to the time limit. If the check fails, logs the cause and returns only
/// `detail`. If the time limit is reached, returns that the check takes too long.
async fn within<T>(asked: impl Future<Output = Result<T, StoreError>>, detail: &str) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            tracing::warn!(error = super::error_chain(&error), "the database {detail}");
            Err(detail.to_owned())
        }
        Err(_) => Err("takes too long to answer".to_owned()),
    }
}

fn component(name: &str, required: bool, state: Result<(), String>) -> Component {
    Component { name: name.to_owned(), ok: state.is_ok(), required, detail: state.err() }
}
