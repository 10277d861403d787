//! The parts of the provider.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{entropy::Signer, time::Clock};

use crate::{
    books::{Books, OpenSandboxError},
    http_client,
    schedule::Schedule,
};

/// The name of the provider.
pub(crate) const PROVIDER: &str = "sandbox";

/// The provider. Clones share everything.
#[derive(Clone)]
pub struct Sandbox {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) books: Books,
    /// Signs webhooks, and verifies them.
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) http: reqwest::Client,
    /// The public address of the server, without a trailing slash, where checkouts are paid.
    pub(crate) public_url: String,
    /// The address at which the server reaches itself, without a trailing slash.
    pub(crate) own_url: String,
    /// The webhooks to send, with the moment when each is due.
    pub(crate) schedule: Mutex<Schedule>,
}

impl Sandbox {
    /// Opens the books in this folder, which is created with the first checkout. Webhooks are sent to `own_url`, the
    /// address at which the server reaches itself; buyers pay at `public_url`. Neither ends with a slash.
    ///
    /// # Errors
    /// When the folder cannot be read, or the HTTP client cannot be created.
    pub fn open(
        folder: &Path,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
        public_url: &str,
        own_url: &str,
    ) -> Result<Self, OpenSandboxError> {
        let books = Books::new(folder);
        let schedule = Mutex::new(Schedule::of(&books.all_open()?));
        let http = http_client::new()?;
        let (public_url, own_url) = (public_url.to_owned(), own_url.to_owned());
        Ok(Self { inner: Arc::new(Inner { books, signer, clock, http, public_url, own_url, schedule }) })
    }

    pub(crate) fn schedule(&self) -> std::sync::MutexGuard<'_, Schedule> {
        self.inner.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
