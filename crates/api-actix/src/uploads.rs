//! Limits simultaneous uploads, of each user and of all users, because each upload is held in memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{limits, problem::Problem};

/// The maximum number of simultaneous uploads of one user.
pub(crate) const UPLOADS_OF_ONE_USER: u32 = 2;

/// The limit of simultaneous uploads, for all worker threads together.
#[derive(Debug)]
pub(crate) struct UploadLimit {
    /// The name of the limit for one user, in rate-limit headers.
    name: &'static str,
    /// The maximum number of simultaneous uploads of one user; `None` without rate limits.
    of_one_user: Option<u32>,
    all: Arc<Semaphore>,
    by_user: Arc<Mutex<HashMap<String, u32>>>,
}

/// A permit for one upload. It must be held while the upload is received and processed.
#[derive(Debug)]
pub(crate) struct UploadPermit {
    _of_user: UserPermit,
    _of_all: OwnedSemaphorePermit,
}

/// One of the permits of a user for simultaneous uploads. Dropping the value releases the permit.
#[derive(Debug)]
pub(crate) struct UserPermit {
    user: String,
    all: Arc<Semaphore>,
    by_user: Arc<Mutex<HashMap<String, u32>>>,
}

impl UploadLimit {
    /// Creates a limit of `most` simultaneous uploads of all users, and of `of_one_user` uploads of one user. `name` is
    /// the name of the limit for one user, in rate-limit headers.
    pub(crate) fn new(name: &'static str, most: usize, of_one_user: Option<u32>) -> Self {
        Self { name, of_one_user, all: Arc::new(Semaphore::new(most)), by_user: Arc::default() }
    }

    /// Takes one of the permits of this user.
    ///
    /// # Errors
    /// 429 when the user already has too many uploads.
    pub(crate) fn of_user(&self, user: &str) -> Result<UserPermit, Problem> {
        let mut by_user = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        let running = by_user.entry(user.to_owned()).or_default();
        if let Some(most) = self.of_one_user.filter(|most| *running >= *most) {
            return Err(limits::too_many_at_once(self.name, most));
        }
        *running = running.saturating_add(1);
        Ok(UserPermit {
            user: user.to_owned(),
            all: Arc::clone(&self.all),
            by_user: Arc::clone(&self.by_user),
        })
    }
}

impl UserPermit {
    /// Takes one of the permits that all users share, in addition to the user's own.
    ///
    /// # Errors
    /// 503 when all shared permits are taken.
    pub(crate) fn acquire(self) -> Result<UploadPermit, Problem> {
        match Arc::clone(&self.all).try_acquire_owned() {
            Ok(permit) => Ok(UploadPermit { _of_user: self, _of_all: permit }),
            Err(_) => Err(Problem::unavailable().because("Too many files are being uploaded.")),
        }
    }
}

impl Drop for UserPermit {
    fn drop(&mut self) {
        let mut by_user = self.by_user.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = by_user.get_mut(&self.user) {
            *running = running.saturating_sub(1);
            if *running == 0 {
                by_user.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_may_have_two_uploads_at_once_and_others_can_still_upload() {
        let limit = UploadLimit::new("uploads-at-once", 3, Some(UPLOADS_OF_ONE_USER));
        let upload = |user| limit.of_user(user).and_then(UserPermit::acquire);
        let ann = [upload("ann").unwrap(), upload("ann").unwrap()];
        assert_eq!(upload("ann").unwrap_err().kind.code, "rate_limited");
        let bob = upload("bob").unwrap();
        assert_eq!(upload("cem").unwrap_err().kind.code, "unavailable");
        drop(ann);
        upload("ann").unwrap();
        drop(bob);
        assert!(limit.by_user.lock().unwrap().is_empty(), "completed uploads leave no entries");
    }

    #[test]
    fn without_a_limit_for_one_user_only_the_common_limit_applies() {
        let limit = UploadLimit::new("uploads-at-once", 3, None);
        let permits: Vec<_> = (0..3).map(|_| limit.of_user("ann").unwrap().acquire().unwrap()).collect();
        assert_eq!(limit.of_user("ann").unwrap().acquire().unwrap_err().kind.status, 503);
        drop(permits);
    }
}
