//! The HTTP client that sends webhooks.

use std::{sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::books::OpenSandboxError;

/// The maximum time for sending a webhook and receiving the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Creates a client that reads no settings from the environment. It sends only to the server on this machine, without
/// encryption, so it trusts no certificates.
pub(crate) fn new() -> Result<reqwest::Client, OpenSandboxError> {
    let encryption = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let client = reqwest::Client::builder().tls_backend_preconfigured(encryption).no_proxy();
    Ok(client.redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build()?)
}
