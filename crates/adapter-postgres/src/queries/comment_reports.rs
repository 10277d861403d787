use std::collections::HashMap;

use async_trait::async_trait;
use diesel::sql_types::{Nullable, Text};
use domain::{
    catalog::Named,
    engagement::{CommentReport, CommentReportQueries, MAX_SHOWN_REPORTS, ReportedCommentView},
    id::{CommentId, MovieId, ReportedCommentId, UserId},
    page::{Page, PageRequest, Position, SortValue},
    store::StoreError,
};
use uuid::Uuid;

use crate::{
    Database,
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant, push_any},
    queries::{
        comments::{ProfileColumns, ProfileTypes, author},
        keyset::{KeyType, Keyset},
        plain_list::PlainList,
    },
    statement::Statement,
};

type ReportedTypes = (
    (SqlId, SqlId, SqlId, Text, SqlInstant, Nullable<Text>, Nullable<SqlInstant>),
    (Nullable<SqlId>, Nullable<Text>),
    ProfileTypes,
);
type ReportedColumns = (DbUuid, DbUuid, DbUuid, String, DbInstant, Option<String>, Option<DbInstant>);
type ReportedRow = (ReportedColumns, (Option<DbUuid>, Option<String>), ProfileColumns);

type ReportTypes = (SqlId, Text, Nullable<Text>, SqlInstant);
type ReportRow = (DbUuid, String, Option<String>, DbInstant);

const COLUMNS: &str = "r.id, r.comment_id, m.id, m.name, r.reported_at, r.decision, r.decided_at, \
    c.user_id, c.text, p.first_name, p.last_name, p.avatar";

const TABLES: &str = " FROM reported_comments r JOIN movies m ON m.id = r.movie_id \
    LEFT JOIN comments c ON c.id = r.comment_id LEFT JOIN user_profiles p ON p.user_id = c.user_id WHERE ";

#[async_trait]
impl CommentReportQueries for Database {
    async fn reported_comments(
        &self,
        is_open: Option<bool>,
        request: &PageRequest,
    ) -> Result<Page<ReportedCommentView>, StoreError> {
        let mut matching = Statement::new(TABLES);
        matching.sql(match is_open {
            None => "TRUE",
            Some(true) => "r.decision IS NULL",
            Some(false) => "r.decision IS NOT NULL",
        });
        let reported_at = Statement::new("r.reported_at");
        let order = Keyset::ending_in("r.id").then_by(reported_at, KeyType::Instant, true);
        let list = PlainList { columns: COLUMNS, matching, order };
        let rows: Vec<ReportedRow> = self.fetch(list.statement::<ReportedTypes>(request)?).await?;
        let position = |((id, _, _, _, at, ..), ..): &ReportedRow| Position {
            values: vec![SortValue::Integer(at.0.timestamp_micros())],
            id: id.0,
        };
        let Page { items, next, total } = self.page_of(&list, request, rows, position).await?;
        Ok(Page { items: self.reported_views(items).await?, next, total })
    }

    async fn reported_comment(
        &self,
        id: ReportedCommentId,
    ) -> Result<Option<ReportedCommentView>, StoreError> {
        let mut statement = Statement::<ReportedTypes>::new("SELECT ");
        statement.sql(COLUMNS).sql(TABLES).sql("r.id = ").bind(id.as_uuid());
        let rows: Vec<ReportedRow> = self.fetch(statement).await?;
        Ok(self.reported_views(rows).await?.pop())
    }
}

impl Database {
    /// Converts rows to reported comments, each with at most [`MAX_SHOWN_REPORTS`] of its newest reports, sorted with
    /// the oldest first. One statement reads the reports of all these comments.
    async fn reported_views(&self, rows: Vec<ReportedRow>) -> Result<Vec<ReportedCommentView>, StoreError> {
        let mut reports: HashMap<Uuid, Vec<CommentReport>> = HashMap::new();
        if !rows.is_empty() {
            let mut statement = Statement::<ReportTypes>::new(
                "SELECT reported_comment_id, reason, note, created_at FROM (\
                 SELECT reported_comment_id, user_id, reason, note, created_at, row_number() OVER \
                 (PARTITION BY reported_comment_id ORDER BY created_at DESC, user_id DESC) AS place \
                 FROM comment_reports WHERE ",
            );
            push_any(&mut statement, "reported_comment_id", rows.iter().map(|((id, ..), ..)| id.0).collect());
            statement
                .sql(format!(") AS placed WHERE place <= {MAX_SHOWN_REPORTS} ORDER BY created_at, user_id"));
            let found: Vec<ReportRow> = self.fetch(statement).await?;
            for (id, reason, note, created_at) in found {
                reports.entry(id.0).or_default().push(report(&reason, note, created_at)?);
            }
        }
        rows.into_iter()
            .map(|row| {
                let reports = reports.remove(&row.0.0.0).unwrap_or_default();
                view(row, reports)
            })
            .collect()
    }

    /// The reports by a user, each with the identifier of the reported comment, oldest first.
    pub(super) async fn reports_of(
        &self,
        user_id: UserId,
    ) -> Result<Vec<(CommentId, CommentReport)>, StoreError> {
        let mut statement = Statement::<ReportTypes>::new(
            "SELECT r.comment_id, o.reason, o.note, o.created_at FROM comment_reports o \
             JOIN reported_comments r ON r.id = o.reported_comment_id WHERE o.user_id = ",
        );
        statement.bind(user_id.as_uuid()).sql(" ORDER BY o.created_at, r.comment_id");
        let rows: Vec<ReportRow> = self.fetch(statement).await?;
        rows.into_iter()
            .map(|(id, reason, note, at)| Ok((CommentId::from_uuid(id.0), report(&reason, note, at)?)))
            .collect()
    }
}

fn report(reason: &str, note: Option<String>, created_at: DbInstant) -> Result<CommentReport, StoreError> {
    let reason = reason.parse().map_err(StoreError::failed)?;
    Ok(CommentReport { reason, note, created_at: created_at.0 })
}

fn view(
    (reported, (user_id, text), profile): ReportedRow,
    reports: Vec<CommentReport>,
) -> Result<ReportedCommentView, StoreError> {
    let (id, comment_id, movie_id, movie_name, _, decision, decided_at) = reported;
    let decision = decision.map(|name| name.parse()).transpose().map_err(StoreError::failed)?;
    Ok(ReportedCommentView {
        id: ReportedCommentId::from_uuid(id.0),
        comment_id: CommentId::from_uuid(comment_id.0),
        text,
        author: user_id.map(|id| author(UserId::from_uuid(id.0), profile)).transpose()?,
        movie: Named { id: MovieId::from_uuid(movie_id.0), name: movie_name },
        reports,
        decision: decision.zip(decided_at.map(|at| at.0)),
    })
}
