use async_trait::async_trait;
use diesel::sql_types::{Nullable, Text};
use domain::{
    engagement::{CommentReportRepository, NewReport, ReportDecision, ReportedComment},
    id::{CommentId, ReportedCommentId, UserId},
    store::StoreError,
    time::Instant,
};

use crate::{
    dialect::{DbUuid, SqlId},
    statement::Statement,
    unit_of_work::UnitOfWork,
};

#[async_trait]
impl CommentReportRepository for UnitOfWork {
    async fn report_comment(&mut self, report: &NewReport) -> Result<(), StoreError> {
        let mut statement = Statement::<()>::new(
            "INSERT INTO reported_comments (id, comment_id, movie_id, reported_at) VALUES (",
        );
        statement
            .bind(report.id.as_uuid())
            .sql(", ")
            .bind(report.comment_id.as_uuid())
            .sql(", ")
            .bind(report.movie_id.as_uuid())
            .sql(", ")
            .bind(report.at)
            .sql(") ON CONFLICT DO NOTHING");
        self.execute(statement).await?;
        let mut statement = Statement::<()>::new(
            "INSERT INTO comment_reports (reason, note, created_at, user_id, reported_comment_id) \
             SELECT ",
        );
        statement.bind(report.reason.as_str().to_owned());
        match &report.note {
            Some(note) => statement.sql(", ").bind(note.clone()),
            None => statement.sql(", NULL"),
        };
        statement
            .sql(", ")
            .bind(report.at)
            .sql(", ")
            .bind(report.reporter.as_uuid())
            .sql(", id FROM reported_comments WHERE comment_id = ")
            .bind(report.comment_id.as_uuid())
            .sql(" ON CONFLICT DO NOTHING");
        if self.execute(statement).await? > 0 {
            let mut statement = Statement::<()>::new("UPDATE reported_comments SET reported_at = ");
            statement
                .bind(report.at)
                .sql(", decision = NULL, decided_at = NULL WHERE comment_id = ")
                .bind(report.comment_id.as_uuid());
            self.execute(statement).await?;
        }
        Ok(())
    }

    async fn find_reported_comment(
        &mut self,
        id: ReportedCommentId,
    ) -> Result<Option<ReportedComment>, StoreError> {
        let mut statement = Statement::<(SqlId, Nullable<Text>)>::new(
            "SELECT comment_id, decision FROM reported_comments WHERE id = ",
        );
        statement.bind(id.as_uuid());
        let found: Option<(DbUuid, Option<String>)> = self.first(statement).await?;
        let Some((comment_id, decision)) = found else { return Ok(None) };
        let decision = decision.map(|name| name.parse()).transpose().map_err(StoreError::failed)?;
        Ok(Some(ReportedComment { id, comment_id: CommentId::from_uuid(comment_id.0), decision }))
    }

    async fn decide_reports(
        &mut self,
        comment_id: CommentId,
        decision: ReportDecision,
        at: Instant,
    ) -> Result<Option<ReportedCommentId>, StoreError> {
        let mut statement = Statement::<(SqlId,)>::new("UPDATE reported_comments SET decision = ");
        statement
            .bind(decision.as_str().to_owned())
            .sql(", decided_at = ")
            .bind(at)
            .sql(" WHERE decision IS NULL AND comment_id = ")
            .bind(comment_id.as_uuid())
            .sql(" RETURNING id");
        let decided: Option<(DbUuid,)> = self.first(statement).await?;
        Ok(decided.map(|(id,)| ReportedCommentId::from_uuid(id.0)))
    }

    async fn drop_open_reports(&mut self, comment_id: CommentId) -> Result<(), StoreError> {
        let mut statement =
            Statement::<()>::new("DELETE FROM reported_comments WHERE decision IS NULL AND comment_id = ");
        statement.bind(comment_id.as_uuid());
        self.execute(statement).await?;
        Ok(())
    }
}

impl UnitOfWork {
    /// Deletes the reports by the user. Also deletes the undecided rows of `reported_comments` for comments that the
    /// user wrote, or that only the user reported.
    pub(crate) async fn erase_reports(&mut self, user_id: UserId) -> Result<(), StoreError> {
        let user = user_id.as_uuid();
        let mut statement = Statement::<()>::new(
            "DELETE FROM reported_comments WHERE decision IS NULL \
             AND comment_id IN (SELECT id FROM comments WHERE user_id = ",
        );
        statement.bind(user).sql(")");
        self.execute(statement).await?;
        let mut statement = Statement::<()>::new(
            "DELETE FROM reported_comments WHERE decision IS NULL \
             AND id IN (SELECT reported_comment_id FROM comment_reports WHERE user_id = ",
        );
        statement
            .bind(user)
            .sql(
                ") AND NOT EXISTS (SELECT 1 FROM comment_reports r \
                 WHERE r.reported_comment_id = reported_comments.id AND r.user_id <> ",
            )
            .bind(user)
            .sql(")");
        self.execute(statement).await?;
        let mut statement = Statement::<()>::new("DELETE FROM comment_reports WHERE user_id = ");
        statement.bind(user);
        self.execute(statement).await?;
        Ok(())
    }
}
