//! The use cases of commands that serve no requests.

use super::failure::Failure;
use crate::{
    composition::{Overrides, UseCases},
    config::Settings,
};

/// The use cases on the configured database. Mails that they write into the outbox link to the configured server.
pub(super) async fn use_cases(settings: &Settings) -> Result<UseCases, Failure> {
    let public_url = settings.public_url_in_force();
    let frontend_url = settings.frontend_url.clone().unwrap_or_else(|| public_url.clone());
    Ok(UseCases::build(settings, &Overrides::default(), &frontend_url, &public_url).await?)
}
