use async_trait::async_trait;

use crate::{
    audit::AuditRepository,
    catalog::{MovieReaction, RatingSummary},
    engagement::{Comment, CommentText, CommentView, Score},
    id::{CommentId, MovieId, UserId},
    page::{Page, PageRequest},
    store::{Attempt, StoreError, Unit, UnitsOfWork, gathered},
    time::Instant,
};

gathered! {
    /// A unit of work about what users think of movies.
    pub trait EngagementUnit: Unit + EngagementRepository + CommentRepository + AuditRepository;
}

/// Begins units of work about what users think of movies.
#[async_trait]
pub trait EngagementStore: Send + Sync {
    /// Begins one.
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn EngagementUnit>, StoreError>;
}

#[async_trait]
impl<D: UnitsOfWork<Unit: EngagementUnit>> EngagementStore for D {
    async fn begin(&self, attempt: Attempt) -> Result<Box<dyn EngagementUnit>, StoreError> {
        Ok(Box::new(UnitsOfWork::begin(self, attempt).await?))
    }
}

/// How many like a movie, and how many do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReactionCounts {
    /// How many like it.
    pub likes: i64,
    /// How many do not.
    pub dislikes: i64,
}

/// Keeps reactions, ratings and favourites, and the counters of movies that follow from them.
#[async_trait]
pub trait EngagementRepository: Send {
    /// Locks the movie until the unit ends, so that its counters change one unit after another. `false` when the user cannot
    /// see such a movie: it does not exist, or was withdrawn and not bought by the user.
    async fn lock_visible_movie(&mut self, movie_id: MovieId, user_id: UserId) -> Result<bool, StoreError>;
    /// Sets the user's reaction to a locked movie, or removes it. MUST change the counters by what changed, and give them.
    async fn set_reaction(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
        reaction: Option<MovieReaction>,
        at: Instant,
    ) -> Result<ReactionCounts, StoreError>;
    /// Sets the user's rating of a locked movie, or removes it. MUST change sum and count by what changed, and give both.
    async fn set_rating(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
        score: Option<Score>,
        at: Instant,
    ) -> Result<RatingSummary, StoreError>;
    /// Adds the movie to the user's favourites; one that is there stays where it is.
    async fn add_favorite(
        &mut self,
        user_id: UserId,
        movie_id: MovieId,
        at: Instant,
    ) -> Result<(), StoreError>;
    /// Removes the movie from the user's favourites, if it is there.
    async fn remove_favorite(&mut self, user_id: UserId, movie_id: MovieId) -> Result<(), StoreError>;
    /// Removes all that the user thinks of movies. MUST take it out of every counter, and leave comments that have replies
    /// without text and author.
    async fn erase_engagement(&mut self, user_id: UserId) -> Result<(), StoreError>;
}

/// Keeps comments and their likes, and the counters that follow from them.
#[async_trait]
pub trait CommentRepository: Send {
    /// The comment, locked until the unit ends together with the comment that began its thread.
    async fn find_comment_for_update(&mut self, id: CommentId) -> Result<Option<Comment>, StoreError>;
    /// The same, with the movie locked before, for units that change how many comments it has.
    async fn find_comment_and_movie_for_update(
        &mut self,
        id: CommentId,
    ) -> Result<Option<Comment>, StoreError>;
    /// Adds a comment, and counts it at its movie and its thread.
    async fn insert_comment(
        &mut self,
        id: CommentId,
        movie_id: MovieId,
        thread_id: Option<CommentId>,
        author: UserId,
        text: &CommentText,
        at: Instant,
    ) -> Result<(), StoreError>;
    /// Changes the text.
    async fn edit_comment(
        &mut self,
        id: CommentId,
        text: &CommentText,
        at: Instant,
    ) -> Result<(), StoreError>;
    /// Deletes a locked comment, and counts it no more at its movie and its thread. One that has replies MUST stay without
    /// text and author, until the last of them goes.
    async fn delete_comment(&mut self, comment: &Comment) -> Result<(), StoreError>;
    /// Sets or removes the user's like of a locked comment; gives the number of likes.
    async fn set_comment_like(
        &mut self,
        user_id: UserId,
        comment_id: CommentId,
        is_liked: bool,
        at: Instant,
    ) -> Result<i64, StoreError>;
}

/// Reads comments outside a unit of work.
#[async_trait]
pub trait CommentQueries: Send + Sync {
    /// The comments of a movie that begin threads, newest first; `None` when the viewer cannot see such a movie: it does not
    /// exist, or was withdrawn and not bought by the viewer.
    async fn movie_comments(
        &self,
        movie_id: MovieId,
        request: &PageRequest,
        viewer: Option<UserId>,
    ) -> Result<Option<Page<CommentView>>, StoreError>;
    /// The replies to a comment, oldest first; `None` when there is no such comment.
    async fn comment_replies(
        &self,
        comment_id: CommentId,
        request: &PageRequest,
        viewer: Option<UserId>,
    ) -> Result<Option<Page<CommentView>>, StoreError>;
    /// The comment; `None` when there is none such.
    async fn comment(&self, id: CommentId, viewer: Option<UserId>)
    -> Result<Option<CommentView>, StoreError>;
}
