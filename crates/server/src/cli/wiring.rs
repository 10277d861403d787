//! Builds the use cases for `cinema` commands that do not start the API.

use std::net::SocketAddr;

use super::failure::Failure;
use crate::{
    composition::{Addresses, Overrides, UseCases},
    config::{Settings, local_url},
};

/// Builds the use cases on the configured database. URLs in the mails of the use cases begin with the configured URLs,
/// or else with a URL of the configured host and port, because the commands do not listen on an address themselves.
pub(super) async fn use_cases(settings: &Settings) -> Result<UseCases, Failure> {
    let public_url = settings.public_url_in_force();
    let frontend_url = settings.frontend_url.clone().unwrap_or_else(|| public_url.clone());
    let own_url = local_url(SocketAddr::new(settings.host, settings.port));
    let addresses = Addresses { public_url, frontend_url, own_url };
    Ok(UseCases::build(settings, &Overrides::default(), &addresses).await?)
}
