//! The opinions of users about movies: reactions, ratings, favourites and comments.

mod comment;
mod list_comments;
mod movie;

use std::sync::Arc;

use domain::{
    engagement::{CommentQueries, EngagementStore},
    id::IdGenerator,
    time::{Backoff, Clock},
};

pub use comment::{ChangeCommentError, RespondError};

use crate::{notifications::Notifier, paging::CursorCodec};

/// The use cases of engagement.
pub struct Engagement {
    /// Begins units of work.
    pub store: Arc<dyn EngagementStore>,
    /// Reads comments.
    pub comments: Arc<dyn CommentQueries>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a unit of work that lost a race is begun again.
    pub backoff: Arc<dyn Backoff>,
    /// Makes identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// Notifies the authors of comments.
    pub notifier: Arc<Notifier>,
    /// Writes and reads cursors.
    pub cursors: CursorCodec,
}
