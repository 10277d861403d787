//! The state of the sandbox.

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

/// The name of this payment provider, as it is stored with payments and used in the URL of webhooks.
pub(crate) const PROVIDER: &str = "sandbox";

/// The payment provider. Clones share the same state.
#[derive(Clone)]
pub struct Sandbox {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) books: Books,
    /// Signs webhooks, and verifies the signatures of received webhooks.
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) http: reqwest::Client,
    /// The public URL of the server, without a trailing slash. The URLs of checkout pages begin with it.
    pub(crate) public_url: String,
    /// The URL at which the server reaches itself, without a trailing slash. The URL of webhooks begins with it.
    pub(crate) own_url: String,
    /// When to send webhooks next.
    pub(crate) schedule: Mutex<Schedule>,
}

impl Sandbox {
    /// Opens the checkouts that are stored in this folder, and schedules their undelivered webhooks. The folder need
    /// not exist: it is created with the first checkout. Webhooks are sent to `own_url`, the URL at which the server
    /// reaches itself. The pages on which buyers pay are below `public_url`. Neither URL may end with a slash.
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
