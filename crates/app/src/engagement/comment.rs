use domain::{
    accounts::{AccessError, Actor, Origin},
    audit::{AuditAction, AuditObject, AuditState},
    engagement::{Comment, CommentText, CommentView, EngagementUnit, NewComment, ReportDecision},
    id::{CommentId, MovieId},
    notifications::NotificationCause,
    store::{Attempt, StoreError, retried},
};

use super::Engagement;
use crate::record::NewAuditEntry;

/// Why a user could not reply to a comment, like it or report it.
#[derive(Debug, thiserror::Error)]
pub enum RespondError {
    /// There is no such comment, or the user cannot see its movie.
    #[error("there is no such comment")]
    NotFound,
    /// The comment was deleted and is kept only because of its replies.
    #[error("the comment was deleted")]
    CommentDeleted,
    /// The actor's session ended or the account is no longer active.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a comment was not changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum ChangeCommentError {
    /// There is no such comment, it was deleted, or the user cannot see its movie.
    #[error("there is no such comment")]
    NotFound,
    /// Another user wrote the comment, and the actor is not a moderator who deletes it.
    #[error("the comment was written by another user")]
    Forbidden,
    /// The actor's session ended or the account is no longer active.
    #[error(transparent)]
    Access(AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AccessError> for ChangeCommentError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::RoleTooLow => Self::Forbidden,
            AccessError::SignedOut | AccessError::Store(_) => Self::Access(error),
        }
    }
}

impl Engagement {
    /// Writes a comment on a movie; `None` when the movie does not exist, when the user cannot see it, or when the
    /// comment was deleted before it could be returned.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn comment(
        &self,
        actor: Actor,
        movie_id: MovieId,
        text: &CommentText,
    ) -> Result<Option<CommentView>, AccessError> {
        let id = self.ids.next();
        let is_written =
            retried(&*self.backoff, |attempt| self.try_comment(attempt, actor, movie_id, id, text)).await?;
        if is_written { Ok(self.comments.comment(id, actor.user_id).await?) } else { Ok(None) }
    }

    async fn try_comment(
        &self,
        attempt: Attempt,
        actor: Actor,
        movie_id: MovieId,
        id: CommentId,
        text: &CommentText,
    ) -> Result<bool, AccessError> {
        let created_at = self.clock.now();
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        if !unit.lock_movie(movie_id, actor.user_id).await? {
            return Ok(false);
        }
        let author = actor.user_id;
        let comment = NewComment { id, movie_id, thread_id: None, author, text: text.clone(), created_at };
        unit.insert_comment(&comment).await?;
        unit.commit().await?;
        Ok(true)
    }

    /// Replies to a comment. A reply to a reply is added to the same thread.
    ///
    /// # Errors
    /// See [`RespondError`].
    pub async fn reply(
        &self,
        actor: Actor,
        comment_id: CommentId,
        text: &CommentText,
    ) -> Result<CommentView, RespondError> {
        let id = self.ids.next();
        retried(&*self.backoff, |attempt| self.try_reply(attempt, actor, comment_id, id, text)).await?;
        self.comments.comment(id, actor.user_id).await?.ok_or(RespondError::NotFound)
    }

    async fn try_reply(
        &self,
        attempt: Attempt,
        actor: Actor,
        comment_id: CommentId,
        id: CommentId,
        text: &CommentText,
    ) -> Result<(), RespondError> {
        let created_at = self.clock.now();
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let answered = visible_comment(&mut *unit, actor, comment_id).await?;
        let comment = NewComment {
            id,
            movie_id: answered.movie_id,
            thread_id: Some(answered.thread()),
            author: actor.user_id,
            text: text.clone(),
            created_at,
        };
        unit.insert_comment(&comment).await?;
        if let Some(author) = answered.author {
            let (actor, movie_id) = (actor.user_id, answered.movie_id);
            let cause = NotificationCause::CommentReply { actor, movie_id, reply_id: id };
            self.notifier.notify(&mut *unit, author, cause, created_at).await?;
        }
        unit.commit().await?;
        Ok(())
    }

    /// Sets or removes the user's like of a comment and returns the number of likes.
    ///
    /// # Errors
    /// See [`RespondError`].
    pub async fn like_comment(
        &self,
        actor: Actor,
        comment_id: CommentId,
        is_liked: bool,
    ) -> Result<i64, RespondError> {
        retried(&*self.backoff, |attempt| self.try_like(attempt, actor, comment_id, is_liked)).await
    }

    async fn try_like(
        &self,
        attempt: Attempt,
        actor: Actor,
        comment_id: CommentId,
        is_liked: bool,
    ) -> Result<i64, RespondError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let comment = visible_comment(&mut *unit, actor, comment_id).await?;
        let now = self.clock.now();
        let likes = unit.set_comment_like(actor.user_id, comment.id, is_liked, now).await?;
        if !likes.has_changed {
            return Ok(likes.count);
        }
        if !is_liked {
            unit.withdraw_like_notification(comment.id, actor.user_id).await?;
        } else if let Some(author) = comment.author {
            let (actor, movie_id) = (actor.user_id, comment.movie_id);
            let cause = NotificationCause::CommentLike { actor, movie_id, comment_id: comment.id };
            self.notifier.notify(&mut *unit, author, cause, now).await?;
        }
        unit.commit().await?;
        Ok(likes.count)
    }

    /// Changes the text of the user's own comment.
    ///
    /// # Errors
    /// See [`ChangeCommentError`].
    pub async fn edit_comment(
        &self,
        actor: Actor,
        comment_id: CommentId,
        text: &CommentText,
    ) -> Result<CommentView, ChangeCommentError> {
        retried(&*self.backoff, |attempt| self.try_edit(attempt, actor, comment_id, text)).await?;
        let comment = self.comments.comment(comment_id, actor.user_id).await?;
        comment.ok_or(ChangeCommentError::NotFound)
    }

    async fn try_edit(
        &self,
        attempt: Attempt,
        actor: Actor,
        comment_id: CommentId,
        text: &CommentText,
    ) -> Result<(), ChangeCommentError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let comment = live_comment(&mut *unit, actor, comment_id).await?;
        if comment.author != Some(actor.user_id) {
            return Err(ChangeCommentError::Forbidden);
        }
        unit.edit_comment(comment_id, text, self.clock.now()).await?;
        unit.commit().await?;
        Ok(())
    }

    /// Deletes a comment. Users may delete their own comments. Moderators may delete any comment; deleting another
    /// user's comment is recorded in the audit log.
    ///
    /// # Errors
    /// See [`ChangeCommentError`].
    pub async fn delete_comment(
        &self,
        actor: Actor,
        comment_id: CommentId,
        origin: &Origin,
    ) -> Result<(), ChangeCommentError> {
        let is_deleted =
            retried(&*self.backoff, |attempt| self.try_delete_own(attempt, actor, comment_id)).await?;
        if is_deleted {
            return Ok(());
        }
        retried(&*self.backoff, |attempt| self.try_remove(attempt, actor, comment_id, origin)).await
    }

    /// Deletes the user's own comment; `false` when another user wrote it.
    async fn try_delete_own(
        &self,
        attempt: Attempt,
        actor: Actor,
        comment_id: CommentId,
    ) -> Result<bool, ChangeCommentError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let comment = live_comment(&mut *unit, actor, comment_id).await?;
        if comment.author != Some(actor.user_id) {
            return Ok(false);
        }
        unit.delete_comment(&comment).await?;
        unit.drop_open_reports(comment.id).await?;
        unit.remove_comment_notifications(comment.id).await?;
        unit.commit().await?;
        Ok(true)
    }

    async fn try_remove(
        &self,
        attempt: Attempt,
        actor: Actor,
        comment_id: CommentId,
        origin: &Origin,
    ) -> Result<(), ChangeCommentError> {
        let mut unit = self.store.begin_as_moderator(attempt, &actor).await?;
        let comment = live_comment(&mut *unit, actor, comment_id).await?;
        unit.delete_comment(&comment).await?;
        self.record_removal(&mut *unit, actor, &comment, origin).await?;
        self.close_reports(&mut *unit, actor, comment.id, ReportDecision::Remove, origin).await?;
        unit.remove_comment_notifications(comment.id).await?;
        unit.commit().await?;
        Ok(())
    }

    /// Records in the audit log that a moderator removed a comment.
    pub(super) async fn record_removal(
        &self,
        unit: &mut dyn EngagementUnit,
        moderator: Actor,
        comment: &Comment,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let author = comment.author.map(|author| ("author_id", author.to_string()));
        let fields = std::iter::once(("movie_id", comment.movie_id.to_string())).chain(author);
        let entry = NewAuditEntry::by(moderator.user_id, AuditAction::CommentRemoved)
            .on(AuditObject::Comment(comment.id))
            .from(AuditState::of(fields));
        self.recorder.audit(unit, entry, origin, self.clock.now()).await
    }
}

/// Locks the movie of a comment. Returns `false` when there is no such comment, or the user cannot see the movie.
pub(super) async fn lock_movie_of(
    unit: &mut dyn EngagementUnit,
    actor: Actor,
    comment_id: CommentId,
) -> Result<bool, StoreError> {
    match unit.movie_of_comment(comment_id).await? {
        Some(movie_id) => unit.lock_movie(movie_id, actor.user_id).await,
        None => Ok(false),
    }
}

/// Locks a comment and its movie, and returns the comment. Fails when there is no such comment or the user cannot see
/// its movie ([`RespondError::NotFound`]), or when the comment was deleted ([`RespondError::CommentDeleted`]).
pub(super) async fn visible_comment(
    unit: &mut dyn EngagementUnit,
    actor: Actor,
    comment_id: CommentId,
) -> Result<Comment, RespondError> {
    if !lock_movie_of(unit, actor, comment_id).await? {
        return Err(RespondError::NotFound);
    }
    let comment = unit.find_comment_for_update(comment_id).await?.ok_or(RespondError::NotFound)?;
    if comment.is_deleted() { Err(RespondError::CommentDeleted) } else { Ok(comment) }
}

/// Locks a comment and its movie, and returns the comment. Fails with [`ChangeCommentError::NotFound`] when there is no
/// such comment, the user cannot see its movie, or the comment was deleted.
async fn live_comment(
    unit: &mut dyn EngagementUnit,
    actor: Actor,
    comment_id: CommentId,
) -> Result<Comment, ChangeCommentError> {
    if !lock_movie_of(unit, actor, comment_id).await? {
        return Err(ChangeCommentError::NotFound);
    }
    let comment = unit.find_comment_for_update(comment_id).await?;
    comment.filter(|comment| !comment.is_deleted()).ok_or(ChangeCommentError::NotFound)
}
