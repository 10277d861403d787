//! The opinions of users about movies: reactions, ratings, favourites and comments. Also the reports of comments to
//! moderators.

mod comment;
mod list_comments;
mod movie;
mod popularity;
mod reports;

use std::sync::Arc;

use domain::{
    engagement::{CommentQueries, CommentReportQueries, EngagementStore, PopularityMaintenance},
    id::IdGenerator,
    time::{Backoff, Clock},
};

pub use comment::{ChangeCommentError, RespondError};
pub use reports::{DecideReportError, ListReportedComments, Report};

use crate::{notifications::Notifier, paging::CursorCodec, record::Recorder};

/// The use cases of engagement.
pub struct Engagement {
    /// Begins units of work.
    pub store: Arc<dyn EngagementStore>,
    /// Reads comments.
    pub comments: Arc<dyn CommentQueries>,
    /// Reads reported comments.
    pub reports: Arc<dyn CommentReportQueries>,
    /// Updates the popularity of movies.
    pub popularity: Arc<dyn PopularityMaintenance>,
    /// Writes entries of the audit log.
    pub recorder: Recorder,
    /// Notifies the authors of comments.
    pub notifier: Arc<Notifier>,
    /// Provides the current time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a transaction is retried after a conflict with a concurrent one.
    pub backoff: Arc<dyn Backoff>,
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// Writes and reads cursors.
    pub cursors: CursorCodec,
}
