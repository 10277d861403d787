use domain::{
    accounts::{AccessError, Actor, Origin},
    audit::{AuditAction, AuditObject, AuditState},
    engagement::{EngagementUnit, NewReport, ReportDecision, ReportReason, ReportedCommentView},
    id::{CommentId, ReportedCommentId},
    store::{Attempt, StoreError, retried},
};

use super::{Engagement, RespondError, comment};
use crate::{
    paging::{ListError, Listing, PageSelection},
    record::NewAuditEntry,
};

/// A report of a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The reason.
    pub reason: ReportReason,
    /// An optional explanation.
    pub note: Option<String>,
}

/// The parameters of the list of reported comments.
#[derive(Debug, Clone, PartialEq)]
pub struct ListReportedComments {
    /// `true` lists only comments whose reports are open, `false` only comments whose reports are decided, and `None`
    /// lists both.
    pub is_open: Option<bool>,
    /// The requested page.
    pub page: PageSelection,
}

/// Why the reports of a comment were not decided.
#[derive(Debug, thiserror::Error)]
pub enum DecideReportError {
    /// There is no such reported comment, or the author of the comment deleted it in the meantime.
    #[error("there is no such reported comment")]
    NotFound,
    /// The reports were already decided.
    #[error("there is a decision already")]
    AlreadyDecided,
    /// The actor's session ended, the account is no longer active, or the actor is not a moderator.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engagement {
    /// Reports a comment to the moderators. A second report of the same comment by the same user changes
    /// nothing. If earlier reports of the comment were already decided, a new report opens them again.
    ///
    /// # Errors
    /// See [`RespondError`].
    pub async fn report_comment(
        &self,
        actor: Actor,
        comment_id: CommentId,
        report: &Report,
    ) -> Result<(), RespondError> {
        retried(&*self.backoff, |attempt| self.try_report(attempt, actor, comment_id, report)).await
    }

    async fn try_report(
        &self,
        attempt: Attempt,
        actor: Actor,
        comment_id: CommentId,
        report: &Report,
    ) -> Result<(), RespondError> {
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let comment = comment::visible_comment(&mut *unit, actor, comment_id).await?;
        let new = NewReport {
            id: self.ids.next(),
            comment_id,
            movie_id: comment.movie_id,
            reporter: actor.user_id,
            reason: report.reason,
            note: report.note.clone(),
            at: self.clock.now(),
        };
        unit.report_comment(&new).await?;
        unit.commit().await?;
        Ok(())
    }

    /// Returns a page of the reported comments for moderators, the most recently reported first.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_reported_comments(
        &self,
        wanted: ListReportedComments,
    ) -> Result<Listing<ReportedCommentView>, ListError> {
        let context = format!("reported comments {:?}", wanted.is_open);
        let request = self.cursors.request(&context, wanted.page)?;
        let page = self.reports.reported_comments(wanted.is_open, &request).await?;
        Ok(self.cursors.listing(&context, &request, page))
    }

    /// Decides about the reports of a comment as a moderator: deletes the comment or keeps it.
    ///
    /// # Errors
    /// See [`DecideReportError`].
    pub async fn decide_report(
        &self,
        moderator: Actor,
        id: ReportedCommentId,
        decision: ReportDecision,
        origin: &Origin,
    ) -> Result<ReportedCommentView, DecideReportError> {
        retried(&*self.backoff, |attempt| self.try_decide(attempt, moderator, id, decision, origin)).await?;
        self.reports.reported_comment(id).await?.ok_or(DecideReportError::NotFound)
    }

    async fn try_decide(
        &self,
        attempt: Attempt,
        moderator: Actor,
        id: ReportedCommentId,
        decision: ReportDecision,
        origin: &Origin,
    ) -> Result<(), DecideReportError> {
        let mut unit = self.store.begin_as_moderator(attempt, &moderator).await?;
        let reported = unit.find_reported_comment(id).await?.ok_or(DecideReportError::NotFound)?;
        if reported.decision.is_some() {
            return Err(DecideReportError::AlreadyDecided);
        }
        comment::lock_movie_of(&mut *unit, moderator, reported.comment_id).await?;
        // While this transaction waited for the lock, another moderator may have decided about the reports, or the
        // author may have deleted the comment.
        let reported = unit.find_reported_comment(id).await?.ok_or(DecideReportError::NotFound)?;
        let comment = unit.find_comment_for_update(reported.comment_id).await?;
        if !self.close_reports(&mut *unit, moderator, reported.comment_id, decision, origin).await? {
            return Err(DecideReportError::AlreadyDecided);
        }
        if let Some(comment) = comment.filter(|comment| !comment.is_deleted())
            && decision == ReportDecision::Remove
        {
            unit.delete_comment(&comment).await?;
            self.record_removal(&mut *unit, moderator, &comment, origin).await?;
            unit.remove_comment_notifications(comment.id).await?;
        }
        unit.commit().await?;
        Ok(())
    }

    /// Stores the decision about the open reports of a locked comment and records it in the audit log. Returns `false`
    /// when the comment has no open reports.
    pub(super) async fn close_reports(
        &self,
        unit: &mut dyn EngagementUnit,
        moderator: Actor,
        comment_id: CommentId,
        decision: ReportDecision,
        origin: &Origin,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        if unit.decide_reports(comment_id, decision, now).await?.is_none() {
            return Ok(false);
        }
        let entry = NewAuditEntry::by(moderator.user_id, AuditAction::CommentReportDecided)
            .on(AuditObject::Comment(comment_id))
            .to(AuditState::of([("decision", decision.as_str())]));
        self.recorder.audit(unit, entry, origin, now).await?;
        Ok(true)
    }
}
