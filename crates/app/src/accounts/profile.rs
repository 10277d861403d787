//! Profiles of users, and their avatars.

mod avatar;
mod change;
mod show;

use std::sync::Arc;

use domain::{
    accounts::{ProfileStore, UserQueries},
    id::IdGenerator,
    media::{AvatarImages, MediaStore},
    time::{Backoff, Clock},
};

pub use avatar::SetAvatarError;

use crate::record::Recorder;

/// The use cases of profiles.
pub struct Profiles {
    /// Stores profiles.
    pub store: Arc<dyn ProfileStore>,
    /// Reads accounts with their profiles.
    pub queries: Arc<dyn UserQueries>,
    /// Stores pictures.
    pub media: Arc<dyn MediaStore>,
    /// Converts uploads into avatars.
    pub avatars: Arc<dyn AvatarImages>,
    /// Writes messages for the outbox.
    pub recorder: Recorder,
    /// Provides the current time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a transaction is retried after a conflict with a concurrent one.
    pub backoff: Arc<dyn Backoff>,
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
}
