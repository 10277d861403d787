use async_trait::async_trait;

use crate::{
    accounts::{AccessError, Actor, Authority, Role, SessionRepository, UserRepository, begin_as},
    audit::AuditRepository,
    catalog::{MovieReaction, RatingSummary},
    engagement::{
        Comment, CommentText, CommentView, NewComment, NewReport, ReportDecision, ReportedComment,
        ReportedCommentView, Score,
    },
    id::{CommentId, MovieId, ReportedCommentId, UserId},
    notifications::NotificationRepository,
    outbox::OutboxRepository,
    page::{Page, PageRequest},
    store::{Attempt, StoreError, Unit, UnitsOfWork, gathered},
    time::Instant,
};

gathered! {
    /// A unit of work (one transaction) about reactions, ratings, favourites and comments. Rows are locked in the order
    /// user, movie, comments (the first comment of a thread before its replies), the reports of the comment, and the
    /// notification inbox of the notified user.
    pub trait EngagementUnit:
        Unit + EngagementRepository + CommentRepository + CommentReportRepository + AuditRepository
        + NotificationRepository + OutboxRepository;
}

/// Begins units of work about reactions, ratings, favourites and comments.
#[async_trait]
pub trait EngagementStore: Send + Sync {
    /// Begins a unit of work for a user who changes their own reaction, rating, favourite or comment, or who likes or
    /// reports a comment.
    async fn begin_own(
        &self,
        attempt: Attempt,
        owner: &Actor,
    ) -> Result<Box<dyn EngagementUnit>, AccessError>;
    /// Begins a unit of work for a moderator who deletes the comment of another user, or decides about a reported
    /// comment.
    async fn begin_as_moderator(
        &self,
        attempt: Attempt,
        moderator: &Actor,
    ) -> Result<Box<dyn EngagementUnit>, AccessError>;
}

#[async_trait]
impl<D> EngagementStore for D
where
    D: UnitsOfWork<Unit: EngagementUnit + UserRepository + SessionRepository>,
{
    async fn begin_own(
        &self,
        attempt: Attempt,
        owner: &Actor,
    ) -> Result<Box<dyn EngagementUnit>, AccessError> {
        Ok(Box::new(begin_as(self, attempt, &Authority::own(owner)).await?))
    }

    async fn begin_as_moderator(
        &self,
        attempt: Attempt,
        moderator: &Actor,
    ) -> Result<Box<dyn EngagementUnit>, AccessError> {
        Ok(Box::new(begin_as(self, attempt, &Authority::of(moderator, Role::Moderator)).await?))
    }
}

/// The reactions to a movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReactionCounts {
    /// The number of likes.
    pub likes: i64,
    /// The number of dislikes.
    pub dislikes: i64,
}

/// The likes of a comment after a user added or removed a like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommentLikes {
    /// The number of likes.
    pub count: i64,
    /// Whether the call changed anything.
    pub has_changed: bool,
}

/// Stores reactions, ratings and favourites, and the counters of movies that depend on them.
#[async_trait]
pub trait EngagementRepository: Send {
    /// Locks the movie until the transaction ends, so that changes of its counters are serialized. Returns whether
    /// the user, whom the caller has locked, can see the movie: it is on sale, the user has an active purchase of it,
    /// or the user is a moderator or administrator according to the stored role. `false` when there is no such movie.
    async fn lock_movie(&mut self, movie_id: MovieId, user_id: UserId) -> Result<bool, StoreError>;
    /// Sets or removes the user's reaction to a locked movie and returns the new counters. MUST update the counters
    /// accordingly.
    async fn set_reaction(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
        reaction: Option<MovieReaction>,
        at: Instant,
    ) -> Result<ReactionCounts, StoreError>;
    /// Sets or removes the user's rating of a locked movie and returns the new summary. MUST update the sum and the
    /// count accordingly.
    async fn set_rating(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
        score: Option<Score>,
        at: Instant,
    ) -> Result<RatingSummary, StoreError>;
    /// Adds the movie to the user's favourites. A movie that is already a favourite MUST keep the time when it was
    /// added.
    async fn add_favorite(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
        at: Instant,
    ) -> Result<(), StoreError>;
    /// Removes the movie from the user's favourites, if it is one of them.
    async fn remove_favorite(&mut self, user_id: UserId, movie_id: MovieId) -> Result<(), StoreError>;
    /// Removes the user's reactions, ratings, favourites, likes and comments. MUST correct every counter, and MUST keep
    /// comments that have replies, without text and author.
    async fn erase_engagement(&mut self, user_id: UserId) -> Result<(), StoreError>;
}

/// Stores comments and their likes, and the counters that depend on them.
#[async_trait]
pub trait CommentRepository: Send {
    /// The movie of a comment, which never changes; `None` when there is no such comment.
    async fn movie_of_comment(&mut self, id: CommentId) -> Result<Option<MovieId>, StoreError>;
    /// Returns the comment. Locks it and the first comment of its thread until the transaction ends.
    async fn find_comment_for_update(&mut self, id: CommentId) -> Result<Option<Comment>, StoreError>;
    /// Adds a comment to a locked movie, and to a locked thread if it is a reply. MUST update the comment counters of
    /// the movie and of the thread.
    async fn insert_comment(&mut self, comment: &NewComment) -> Result<(), StoreError>;
    /// Changes the text of a comment that is not deleted.
    async fn edit_comment(
        &mut self,
        id: CommentId,
        text: &CommentText,
        at: Instant,
    ) -> Result<(), StoreError>;
    /// Deletes a locked comment of a locked movie. MUST update the counters of the movie and of the thread. A comment
    /// with replies MUST stay without text and author until the last reply is deleted.
    async fn delete_comment(&mut self, comment: &Comment) -> Result<(), StoreError>;
    /// Sets or removes the user's like of a locked comment. MUST update the counter accordingly.
    async fn set_comment_like(
        &mut self,
        user_id: UserId,
        comment_id: CommentId,
        is_liked: bool,
        at: Instant,
    ) -> Result<CommentLikes, StoreError>;
}

/// Stores reports of comments. All reports of one comment belong to one [`ReportedComment`].
#[async_trait]
pub trait CommentReportRepository: Send {
    /// Adds a user's report of a locked comment. A second report of the comment by the same user MUST change nothing. A
    /// report by another user MUST reopen the reported comment if a decision about it was already made.
    async fn report_comment(&mut self, report: &NewReport) -> Result<(), StoreError>;
    /// The reported comment; `None` when there is no such reported comment.
    async fn find_reported_comment(
        &mut self,
        id: ReportedCommentId,
    ) -> Result<Option<ReportedComment>, StoreError>;
    /// Stores the decision about the open reports of a locked comment. Returns the identifier of the reported comment;
    /// `None` when no report is open.
    async fn decide_reports(
        &mut self,
        comment_id: CommentId,
        decision: ReportDecision,
        at: Instant,
    ) -> Result<Option<ReportedCommentId>, StoreError>;
    /// Removes the open reports of a locked comment that its author deletes.
    async fn drop_open_reports(&mut self, comment_id: CommentId) -> Result<(), StoreError>;
}

/// Reads reported comments outside a unit of work (transaction).
#[async_trait]
pub trait CommentReportQueries: Send + Sync {
    /// A page of the reported comments, the most recently reported one first. `is_open` selects comments with open
    /// reports (`true`) or with decided reports (`false`); `None` selects both.
    async fn reported_comments(
        &self,
        is_open: Option<bool>,
        request: &PageRequest,
    ) -> Result<Page<ReportedCommentView>, StoreError>;
    /// One reported comment; `None` when there is no such reported comment.
    async fn reported_comment(
        &self,
        id: ReportedCommentId,
    ) -> Result<Option<ReportedCommentView>, StoreError>;
}

/// Updates the popularity of movies. Every action that affects the popularity of a movie puts the movie into a queue.
#[async_trait]
pub trait PopularityMaintenance: Send + Sync {
    /// Recomputes the popularity of up to `limit` movies in the queue, and removes these movies from the queue; returns
    /// their number. A movie MUST stay in the queue if the computation could not see an action on it, because the
    /// action had not been committed yet.
    async fn refresh_popularity(&self, limit: u32) -> Result<u64, StoreError>;
}

/// Reads comments outside a unit of work (transaction). All methods except [`comment`](CommentQueries::comment) MUST
/// NOT find the comments of a movie that the viewer cannot see. [`lock_movie`](EngagementRepository::lock_movie)
/// defines which movies a user can see.
#[async_trait]
pub trait CommentQueries: Send + Sync {
    /// A page of the comments that begin the threads of a movie, newest first; `None` when there is no such movie.
    async fn movie_comments(
        &self,
        movie_id: MovieId,
        request: &PageRequest,
        viewer: Option<&Actor>,
    ) -> Result<Option<Page<CommentView>>, StoreError>;
    /// A page of the replies to a comment, oldest first; `None` when there is no such comment.
    async fn comment_replies(
        &self,
        comment_id: CommentId,
        request: &PageRequest,
        viewer: Option<&Actor>,
    ) -> Result<Option<Page<CommentView>>, StoreError>;
    /// One comment, even if the viewer cannot see its movie; `None` when there is no such comment.
    async fn comment(&self, id: CommentId, viewer: UserId) -> Result<Option<CommentView>, StoreError>;
}
