//! Limits the memory of request bodies that are being received, because clients may send them slowly or never finish.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::web::Bytes;
use domain::network::Network;

use crate::problem::Problem;

/// The number of bytes of each body that are not counted, so that small requests are accepted even when other clients
/// use up the limit.
const UNCOUNTED: usize = 4 * 1024;

/// The maximum counted memory of all bodies, in bytes.
const ALL: usize = 32 * 1024 * 1024;

/// The maximum counted memory of the bodies of one client, in bytes.
const OF_ONE_CLIENT: usize = 8 * 1024 * 1024;

/// The minimum number of bytes by which the buffer of a body grows after the first chunk.
const STEP: usize = 8 * 1024;

/// The memory of the bodies that all worker threads are receiving. Clones share the same counts.
#[derive(Debug, Clone)]
pub(crate) struct BodyMemory {
    all: usize,
    of_one_client: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// The counted bytes by client. Connections without a network address share one entry.
    of_clients: HashMap<Option<Network>, usize>,
}

impl Default for BodyMemory {
    fn default() -> Self {
        Self { all: ALL, of_one_client: OF_ONE_CLIENT, taken: Arc::default() }
    }
}

impl BodyMemory {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, client: Option<Network>, bytes: usize) -> Result<(), Problem> {
        let mut taken = self.taken();
        let all = taken.all.saturating_add(bytes);
        let of_client = taken.of_clients.get(&client).copied().unwrap_or(0).saturating_add(bytes);
        if all > self.all || of_client > self.of_one_client {
            return Err(Problem::unavailable().because("Too many large bodies are being received."));
        }
        taken.all = all;
        taken.of_clients.insert(client, of_client);
        Ok(())
    }

    fn give_back(&self, client: Option<Network>, bytes: usize) {
        let mut taken = self.taken();
        taken.all = taken.all.saturating_sub(bytes);
        if let Some(of_client) = taken.of_clients.get_mut(&client) {
            *of_client = of_client.saturating_sub(bytes);
            if *of_client == 0 {
                taken.of_clients.remove(&client);
            }
        }
    }
}

/// The received part of a body. Its memory grows with the bytes that have arrived, and does not depend on the length
/// that the request declares.
#[derive(Debug, Default)]
pub(crate) struct ReceivedBody {
    bytes: Vec<u8>,
    share: Option<Share>,
}

/// The part of the common memory budget that one body uses. Dropping it releases that part.
#[derive(Debug)]
struct Share {
    memory: BodyMemory,
    client: Option<Network>,
    bytes: usize,
}

impl ReceivedBody {
    /// Creates an empty body that is counted for this client.
    pub(crate) fn counted(memory: &BodyMemory, client: Option<Network>) -> Self {
        let share = Share { memory: memory.clone(), client, bytes: 0 };
        Self { bytes: Vec::new(), share: Some(share) }
    }

    /// Returns the number of received bytes.
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Adds received bytes.
    ///
    /// # Errors
    /// 503 when the bodies of the client, or of all clients, take too much memory.
    pub(crate) fn add(&mut self, chunk: &[u8]) -> Result<(), Problem> {
        let needed = self.bytes.len().saturating_add(chunk.len());
        let capacity = self.bytes.capacity();
        if needed > capacity {
            // The first chunk is often the whole body, which needs no spare capacity.
            let grown = if capacity == 0 { needed } else { needed.max(capacity.saturating_add(STEP)) };
            if let Some(share) = &mut self.share {
                share.grow_to(grown.saturating_sub(UNCOUNTED))?;
            }
            self.bytes.reserve_exact(grown.saturating_sub(self.bytes.len()));
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// Returns the complete body and stops counting it: from here on, the limit of requests in flight bounds its
    /// memory.
    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes.into()
    }
}

impl Share {
    fn grow_to(&mut self, bytes: usize) -> Result<(), Problem> {
        let more = bytes.saturating_sub(self.bytes);
        if more > 0 {
            self.memory.take(self.client, more)?;
            self.bytes = bytes;
        }
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.memory.give_back(self.client, self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(address: &str) -> Network {
        Network::of_client(address.parse().unwrap())
    }

    /// Receives a body of 64 KiB, of which 60 KiB are counted.
    fn large(memory: &BodyMemory, client: Option<Network>) -> Result<ReceivedBody, Problem> {
        let mut body = ReceivedBody::counted(memory, client);
        for _ in 0..8 {
            body.add(&[7; 8 * 1024])?;
        }
        Ok(body)
    }

    #[test]
    fn the_memory_of_bodies_is_limited_for_each_client_and_for_all() {
        let memory = BodyMemory { all: 200 * 1024, of_one_client: 130 * 1024, ..BodyMemory::default() };
        let (ann, bob) = (Some(client("192.0.2.1")), Some(client("192.0.2.2")));
        let mut bodies = vec![large(&memory, ann).unwrap(), large(&memory, ann).unwrap()];
        let refused = large(&memory, ann).unwrap_err();
        assert_eq!((refused.kind.status, refused.kind.code), (503, "unavailable"));
        bodies.push(large(&memory, bob).unwrap());
        assert!(large(&memory, bob).is_err(), "the limit for all clients together is exceeded");
        // Small bodies are still accepted.
        let mut small = ReceivedBody::counted(&memory, ann);
        small.add(&[7; UNCOUNTED]).unwrap();
        bodies.swap_remove(0);
        assert!(large(&memory, ann).is_ok());
        drop(bodies);
        let taken = memory.taken();
        assert!(taken.all == 0 && taken.of_clients.is_empty(), "{taken:?}");
    }

    #[test]
    fn the_buffer_of_a_body_is_hardly_larger_than_the_body() {
        let mut body = ReceivedBody::default();
        body.add(b"{\"refresh\": \"x\"}").unwrap();
        assert!(body.bytes.capacity() < 64, "{}", body.bytes.capacity());
        for _ in 0..60 {
            body.add(&[7; 1_000]).unwrap();
            assert!(body.bytes.capacity() <= body.len() + STEP + 1_000, "{}", body.bytes.capacity());
        }
        assert_eq!(body.into_bytes().len(), 60_016);
    }
}
