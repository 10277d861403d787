//! How many files may be uploaded at once: by one user, and by all.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{limits, problem::Problem};

/// A user may upload so many files at once.
const OF_A_USER: u32 = 2;

/// The files that are being uploaded, over all workers: each is held in memory.
#[derive(Debug)]
pub(crate) struct UploadPlaces {
    all: Arc<Semaphore>,
    of_users: Arc<Mutex<HashMap<String, u32>>>,
}

/// One that is being uploaded; it is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct UploadPlace {
    _own: OwnPlace,
    _place: OwnedSemaphorePermit,
}

/// One of a user's places, with or without one among those of all.
#[derive(Debug)]
pub(crate) struct OwnPlace {
    user: String,
    all: Arc<Semaphore>,
    of_users: Arc<Mutex<HashMap<String, u32>>>,
}

impl UploadPlaces {
    /// For so many files of all users.
    pub(crate) fn new(most: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(most)), of_users: Arc::default() }
    }

    /// Takes one of the user's own places.
    ///
    /// # Errors
    /// When all of them are taken: nobody else is any the worse for it.
    pub(crate) fn of(&self, user: &str) -> Result<OwnPlace, Problem> {
        let mut of_users = self.of_users.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = of_users.entry(user.to_owned()).or_default();
        if *taken >= OF_A_USER {
            return Err(limits::too_many_at_once("avatar-uploads-at-once", OF_A_USER));
        }
        *taken = taken.saturating_add(1);
        Ok(OwnPlace { user: user.to_owned(), all: Arc::clone(&self.all), of_users: Arc::clone(&self.of_users) })
    }
}

impl OwnPlace {
    /// Takes a place among those of all.
    pub(crate) fn enter(self) -> Result<UploadPlace, Problem> {
        let place = Arc::clone(&self.all).try_acquire_owned();
        let place =
            place.map_err(|_| Problem::unavailable().because("Too many files are being uploaded."))?;
        Ok(UploadPlace { _own: self, _place: place })
    }
}

impl Drop for OwnPlace {
    fn drop(&mut self) {
        let mut of_users = self.of_users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = of_users.get_mut(&self.user) {
            *taken = taken.saturating_sub(1);
            if *taken == 0 {
                of_users.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_two_places_and_leaves_the_others_theirs() {
        let places = UploadPlaces::new(3);
        let ann = [places.of("ann").unwrap().enter().unwrap(), places.of("ann").unwrap().enter().unwrap()];
        assert_eq!(places.of("ann").unwrap_err().kind.code, "rate_limited");
        let bob = places.of("bob").unwrap().enter().unwrap();
        assert_eq!(places.of("cem").unwrap().enter().unwrap_err().kind.code, "unavailable");
        drop(ann);
        places.of("ann").unwrap().enter().unwrap();
        drop(bob);
        assert!(places.of_users.lock().unwrap().is_empty(), "nothing is kept of those who have left");
    }
}
