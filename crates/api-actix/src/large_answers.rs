//! Limits how many large responses are built at the same time. While a large response is built, its content is in
//! memory several times: as rows, as a body, and compressed.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::problem::Problem;

/// The maximum number of pages of long texts that are built at once. One page may need 3 MB of memory.
const PAGES_AT_ONCE: usize = 8;

/// The maximum number of exports that are built at once.
const EXPORTS_AT_ONCE: usize = 2;

/// The maximum number of exports that are sent at once. While it is sent, an export has up to 100 comments in memory.
const SENT_EXPORTS_AT_ONCE: usize = 16;

/// How long a request waits for a permit to build a page. Building one takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The limits of large responses, for all worker threads together.
#[derive(Debug)]
pub(crate) struct LargeAnswers {
    pages: Arc<Semaphore>,
    exports: Arc<Semaphore>,
    sent_exports: Arc<Semaphore>,
}

impl Default for LargeAnswers {
    fn default() -> Self {
        Self {
            pages: Arc::new(Semaphore::new(PAGES_AT_ONCE)),
            exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE)),
            sent_exports: Arc::new(Semaphore::new(SENT_EXPORTS_AT_ONCE)),
        }
    }
}

/// A permit to build one response. The permit must be held until the body is complete. From then on, a page counts
/// against the limit of memory for bodies that are being sent, and a [`SendingPermit`] limits an export.
#[derive(Debug)]
pub(crate) struct BuildingPermit {
    _permit: OwnedSemaphorePermit,
}

/// A permit to send one export. It must be held until the export was sent.
#[derive(Debug)]
pub(crate) struct SendingPermit {
    _permit: OwnedSemaphorePermit,
}

impl LargeAnswers {
    /// Waits for a permit to build a page of long texts.
    ///
    /// # Errors
    /// 503 when no permit is available in time.
    pub(crate) async fn page(&self) -> Result<BuildingPermit, Problem> {
        let permit = timeout(PATIENCE, Arc::clone(&self.pages).acquire_owned()).await;
        let permit = permit.ok().and_then(Result::ok);
        let permit = permit.ok_or_else(|| Problem::unavailable().because("Too many pages are being built."));
        permit.map(|permit| BuildingPermit { _permit: permit })
    }

    /// Takes the permits to build and to send an export.
    ///
    /// # Errors
    /// 503 when too many exports are being built or sent.
    pub(crate) fn export(&self) -> Result<(BuildingPermit, SendingPermit), Problem> {
        let permit_of = |limit: &Arc<Semaphore>| {
            let permit = Arc::clone(limit).try_acquire_owned();
            permit.map_err(|_| Problem::unavailable().because("Too many exports are being made."))
        };
        let sent = permit_of(&self.sent_exports)?;
        let building = permit_of(&self.exports)?;
        Ok((BuildingPermit { _permit: building }, SendingPermit { _permit: sent }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_exports_are_built_at_once_and_more_are_refused() {
        let answers = LargeAnswers::default();
        let (first, _sent) = answers.export().unwrap();
        let _second = answers.export().unwrap();
        let refused = answers.export().unwrap_err();
        assert_eq!((refused.kind.status, refused.kind.code), (503, "unavailable"));
        drop(first);
        assert!(answers.export().is_ok());
    }

    #[test]
    fn the_exports_that_are_being_sent_are_limited_too() {
        let answers = LargeAnswers::default();
        let mut sent = Vec::new();
        for _ in 0..SENT_EXPORTS_AT_ONCE {
            let (_building, export) = answers.export().unwrap();
            sent.push(export);
        }
        assert!(answers.export().is_err());
        sent.pop();
        assert!(answers.export().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_waits_for_a_permit_and_is_refused_after_some_time() {
        let answers = LargeAnswers::default();
        let mut permits = Vec::new();
        for _ in 0..PAGES_AT_ONCE {
            permits.push(answers.page().await.unwrap());
        }
        let (page, ()) = tokio::join!(answers.page(), async { drop(permits.pop()) });
        permits.push(page.unwrap());
        assert_eq!(answers.page().await.unwrap_err().kind.code, "unavailable");
    }
}
