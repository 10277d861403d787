use domain::{
    engagement::{CommentText, CommentView},
    id::{CommentId, MovieId, UserId},
    page::Page,
    store::{StoreError, retried},
};

use super::Engagement;
use crate::paging::{ListError, Listing, PageSelection};

/// A reply was not written.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// There is no such comment.
    #[error("there is no such comment")]
    NotFound,
    /// The comment was deleted, and only its place is left.
    #[error("the comment was deleted")]
    CommentDeleted,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A comment was not liked, or its like not removed.
pub type ActOnCommentError = ReplyError;

/// A comment was not changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum EditCommentError {
    /// There is no such comment.
    #[error("there is no such comment")]
    NotFound,
    /// Somebody else wrote it.
    #[error("the comment is somebody else's")]
    Forbidden,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engagement {
    /// A page of the comments of a movie that begin threads, newest first; `None` when the viewer cannot see such a movie.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_comments(
        &self,
        movie_id: MovieId,
        page: PageSelection,
        viewer: Option<UserId>,
    ) -> Result<Option<Listing<CommentView>>, ListError> {
        let context = format!("comments {movie_id}");
        let request = self.cursors.request(&context, page)?;
        let page = self.comments.movie_comments(movie_id, &request, viewer).await?;
        Ok(page.map(|page| self.cursors.listing(&context, &request, page)))
    }

    /// A page of the replies to a comment, oldest first; `None` when there is no such comment.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_replies(
        &self,
        comment_id: CommentId,
        page: PageSelection,
        viewer: Option<UserId>,
    ) -> Result<Option<Listing<CommentView>>, ListError> {
        let context = format!("replies {comment_id}");
        let request = self.cursors.request(&context, page)?;
        let page: Option<Page<CommentView>> =
            self.comments.comment_replies(comment_id, &request, viewer).await?;
        Ok(page.map(|page| self.cursors.listing(&context, &request, page)))
    }

    /// Writes a comment on a movie; `None` when the user cannot see such a movie.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn comment(
        &self,
        user_id: UserId,
        movie_id: MovieId,
        text: &CommentText,
    ) -> Result<Option<CommentView>, StoreError> {
        let id = self.ids.next();
        let is_written = retried(&*self.backoff, async |attempt| {
            let Some(mut unit) = self.unit_with_movie(attempt, user_id, movie_id).await? else {
                return Ok::<_, StoreError>(false);
            };
            unit.insert_comment(id, movie_id, None, user_id, text, self.clock.now()).await?;
            unit.commit().await?;
            Ok(true)
        })
        .await?;
        if is_written { self.comments.comment(id, Some(user_id)).await } else { Ok(None) }
    }

    /// Writes a reply. A reply to a reply joins the thread.
    ///
    /// # Errors
    /// See [`ReplyError`].
    pub async fn reply(
        &self,
        user_id: UserId,
        comment_id: CommentId,
        text: &CommentText,
    ) -> Result<CommentView, ReplyError> {
        let id = self.ids.next();
        retried(&*self.backoff, async |attempt| {
            let mut unit = self.store.begin(attempt).await?;
            let answered =
                unit.find_comment_and_movie_for_update(comment_id).await?.ok_or(ReplyError::NotFound)?;
            if answered.is_deleted() {
                return Err(ReplyError::CommentDeleted);
            }
            let thread_id = Some(answered.thread());
            unit.insert_comment(id, answered.movie_id, thread_id, user_id, text, self.clock.now()).await?;
            unit.commit().await?;
            Ok(())
        })
        .await?;
        self.comments.comment(id, Some(user_id)).await?.ok_or(ReplyError::NotFound)
    }

    /// Changes the text of the user's own comment.
    ///
    /// # Errors
    /// See [`EditCommentError`].
    pub async fn edit_comment(
        &self,
        user_id: UserId,
        comment_id: CommentId,
        text: &CommentText,
    ) -> Result<CommentView, EditCommentError> {
        retried(&*self.backoff, async |attempt| {
            let mut unit = self.store.begin(attempt).await?;
            let comment = unit.find_comment_for_update(comment_id).await?;
            let comment =
                comment.filter(|comment| !comment.is_deleted()).ok_or(EditCommentError::NotFound)?;
            if comment.author != Some(user_id) {
                return Err(EditCommentError::Forbidden);
            }
            unit.edit_comment(comment_id, text, self.clock.now()).await?;
            unit.commit().await?;
            Ok(())
        })
        .await?;
        self.comments.comment(comment_id, Some(user_id)).await?.ok_or(EditCommentError::NotFound)
    }

    /// Sets or removes the user's like of a comment; gives the number of likes.
    ///
    /// # Errors
    /// See [`ActOnCommentError`].
    pub async fn like_comment(
        &self,
        user_id: UserId,
        comment_id: CommentId,
        is_liked: bool,
    ) -> Result<i64, ActOnCommentError> {
        retried(&*self.backoff, async |attempt| {
            let mut unit = self.store.begin(attempt).await?;
            let comment =
                unit.find_comment_for_update(comment_id).await?.ok_or(ActOnCommentError::NotFound)?;
            if comment.is_deleted() {
                return Err(ActOnCommentError::CommentDeleted);
            }
            let likes = unit.set_comment_like(user_id, comment_id, is_liked, self.clock.now()).await?;
            unit.commit().await?;
            Ok(likes)
        })
        .await
    }
}
