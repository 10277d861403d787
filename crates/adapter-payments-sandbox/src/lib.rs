//! A payment provider for development: [`Sandbox`] behaves like a real one, keeps books of its own in a folder, and tells
//! the shop of what happens by signed webhooks to the server's own address. No money moves.

mod books;
mod checkout;
mod gateway;
mod page;
mod webhooks;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use domain::{entropy::Signer, time::Clock};

pub use self::books::OpenSandboxError;
use self::{books::Books, webhooks::Schedule};

/// The name of the provider.
const PROVIDER: &str = "sandbox";

/// The provider. Clones share everything.
#[derive(Clone)]
pub struct Sandbox {
    inner: Arc<Inner>,
}

struct Inner {
    books: Books,
    /// Signs webhooks, and verifies them.
    signer: Arc<dyn Signer>,
    clock: Arc<dyn Clock>,
    http: reqwest::Client,
    /// Where people reach the server, without a slash at its end: checkouts are paid there.
    public_url: String,
    /// Where the server reaches itself, without a slash at its end.
    own_url: String,
    /// The webhooks to send, with the moment when each is due.
    schedule: Mutex<Schedule>,
}

impl Sandbox {
    /// Opens the books in this folder, which is made with the first checkout. Webhooks are sent to `own_url`, the address at which
    /// the server reaches itself; people pay at `public_url`. Neither ends with a slash.
    ///
    /// # Errors
    /// When the folder cannot be read, or there can be no HTTP client.
    pub fn open(
        folder: &Path,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
        public_url: &str,
        own_url: &str,
    ) -> Result<Self, OpenSandboxError> {
        let books = Books::new(folder);
        let schedule = Mutex::new(Schedule::of(&books.all_open()?));
        let http = webhooks::client()?;
        let (public_url, own_url) = (public_url.to_owned(), own_url.to_owned());
        Ok(Self { inner: Arc::new(Inner { books, signer, clock, http, public_url, own_url, schedule }) })
    }

    fn schedule(&self) -> std::sync::MutexGuard<'_, Schedule> {
        self.inner.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
