//! The use cases of commands that serve no requests.

use std::net::SocketAddr;

use super::failure::Failure;
use crate::{
    composition::{Overrides, UseCases},
    config::Settings,
};

/// The use cases on the configured database. Mails that they write link to the configured server.
pub(super) async fn use_cases(settings: &Settings) -> Result<UseCases, Failure> {
    let frontend_url = settings.frontend_url.clone().unwrap_or_else(|| public_url(settings));
    Ok(UseCases::build(settings, &Overrides::default(), &frontend_url).await?)
}

/// The address at which clients reach the server: `PUBLIC_URL`, or else the address that the server listens on.
pub(super) fn public_url(settings: &Settings) -> String {
    settings.public_url.clone().unwrap_or_else(|| {
        let host = if settings.host.is_unspecified() { [127, 0, 0, 1].into() } else { settings.host };
        format!("http://{}", SocketAddr::new(host, settings.port))
    })
}
