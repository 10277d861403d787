//! Limits how many webhooks are received at the same time, because the sender of a webhook can be verified only after
//! its body was received.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use domain::network::Network;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// The maximum number of webhooks whose bodies the server waits for at the same time, each up to 256 KiB in size.
const OF_ALL: usize = 256;

/// The maximum number of webhooks of one client whose bodies the server waits for at the same time.
const OF_ONE_CLIENT: u32 = 64;

/// The number of webhooks that are being received, by client. Connections without an IP address share one number.
type Counts = Arc<Mutex<HashMap<Option<Network>, u32>>>;

/// The limit of webhooks whose bodies the server waits for, for all worker threads together.
#[derive(Debug)]
pub(crate) struct WebhookLimit {
    all: Arc<Semaphore>,
    by_client: Counts,
}

/// A permit to receive the body of a webhook. Dropping the value releases the permit.
#[derive(Debug)]
pub(crate) struct WebhookPermit {
    client: Option<Network>,
    by_client: Counts,
    _of_all: OwnedSemaphorePermit,
}

impl Default for WebhookLimit {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(OF_ALL)), by_client: Arc::default() }
    }
}

impl WebhookLimit {
    /// Takes a permit for a webhook of this client.
    ///
    /// # Errors
    /// 503 when this client, or all clients together, already hold the maximum number of permits.
    pub(crate) fn acquire(&self, client: Option<Network>) -> Result<WebhookPermit, Problem> {
        let too_many = || Problem::unavailable().because("Too many webhooks are being received.");
        let mut by_client = self.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        let count = by_client.get(&client).copied().unwrap_or_default();
        if count >= OF_ONE_CLIENT {
            return Err(too_many());
        }
        let of_all = Arc::clone(&self.all).try_acquire_owned().map_err(|_| too_many())?;
        by_client.insert(client, count.saturating_add(1));
        Ok(WebhookPermit { client, by_client: Arc::clone(&self.by_client), _of_all: of_all })
    }
}

impl Drop for WebhookPermit {
    fn drop(&mut self) {
        let mut by_client = self.by_client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_client.get_mut(&self.client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u8) -> Network {
        Network::of_client([192, 0, 2, number].into())
    }

    #[test]
    fn three_clients_at_their_limits_leave_permits_for_other_clients() {
        let limit = WebhookLimit::default();
        let mut held = Vec::new();
        for number in 0..3 {
            held.extend((0..90).filter_map(|_| limit.acquire(Some(client(number))).ok()));
        }
        assert_eq!(held.len(), 192);
        assert_eq!(limit.acquire(Some(client(0))).unwrap_err().kind.code, "unavailable");
        limit.acquire(Some(client(3))).unwrap();
        limit.acquire(None).unwrap();
        held.clear();
        limit.acquire(Some(client(0))).unwrap();
        assert!(limit.by_client.lock().unwrap().is_empty(), "finished webhooks leave no entries");
    }

    #[test]
    fn all_clients_together_have_256_permits() {
        let limit = WebhookLimit::default();
        let held: Vec<_> = (0..=255)
            .flat_map(|number| (0..64).map(move |_| number))
            .map_while(|number| limit.acquire(Some(client(number))).ok())
            .collect();
        assert_eq!(held.len(), 256);
        assert_eq!(limit.acquire(Some(client(255))).unwrap_err().kind.code, "unavailable");
    }
}
