//! Reports of comments: users report a comment, and moderators decide whether to delete it.

use app::{
    engagement::{DecideReportError, Engagement, ListReportedComments, Report, RespondError},
    paging::ListError,
};
use domain::{
    accounts::AccessError,
    engagement::{CommentReport, MAX_NOTE_LENGTH, ReportDecision, ReportReason, ReportedCommentView},
    id::{CommentId, ReportedCommentId},
    store::StoreError,
};
use paperclip::actix::api_v2_operation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::bodies::AuthorBody;
use crate::{
    catalog::bodies::ReferenceBody,
    extract::{
        Body, Caller, Faults, Input, Moderator, Origin, Patch, PathId, PublicUrl, Query, UseCases, inputs,
    },
    moment::Moment,
    page::{PageBody, PageParams},
    problem::Failure,
    refusals,
    reply::{NoContent, OkJson, PrivatePage},
    rules::Rules,
};

refusals! {
    DecideReportError {
        NotFound => NOT_FOUND,
        AlreadyDecided => ALREADY_DECIDED;
        via Access: AccessError, via Store: StoreError,
    }
}

/// Declares an enum of the API with the same variants as an enum of the domain, and the conversions between them.
macro_rules! wire_enum {
    ($(#[$attribute:meta])* $name:ident as $domain:ident { $($(#[$doc:meta])* $value:ident,)+ }) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        $(#[$attribute])*
        pub(crate) enum $name {
            $($(#[$doc])* $value,)+
        }

        impl From<$name> for $domain {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$value => Self::$value,)+
                }
            }
        }

        impl From<$domain> for $name {
            fn from(value: $domain) -> Self {
                match value {
                    $($domain::$value => Self::$value,)+
                }
            }
        }
    };
}

wire_enum! {
    /// Why a comment is reported.
    #[schemars(rename = "ReportReason")]
    ReasonBody as ReportReason {
        /// The comment advertises something.
        Spam,
        /// The comment insults or threatens someone.
        Abuse,
        /// The comment reveals the plot.
        Spoiler,
        /// Another reason, which the note should explain.
        Other,
    }
}

wire_enum! {
    /// A decision about a reported comment.
    #[schemars(rename = "ReportDecision")]
    DecisionBody as ReportDecision {
        /// The comment is deleted.
        Remove,
        /// The comment is not deleted.
        Dismiss,
    }
}

/// A report of a comment.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "CommentReportInput", example = json!({"reason": "spoiler", "note": "It gives away the ending."}))]
pub(crate) struct ReportInput {
    /// Why the comment is reported.
    reason: ReasonBody,
    /// An optional explanation for the moderators.
    #[serde(default)]
    #[schemars(length(max = MAX_NOTE_LENGTH), extend("x-clears" = true))]
    note: Option<String>,
}

impl Input for ReportInput {
    type Checked = Report;

    fn check(self, _rules: &Rules, _faults: &mut Faults) -> Option<Report> {
        let note = self.note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
        Some(Report { reason: self.reason.into(), note })
    }
}

/// The decision about a reported comment.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ReportDecisionInput", example = json!({"decision": "dismiss"}))]
pub(crate) struct DecisionInput {
    /// Whether to delete the comment or to keep it.
    decision: DecisionBody,
}

inputs!(DecisionInput);

/// Whether moderators have decided about all reports of a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ReportStatus")]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatusBody {
    /// The comment was reported, and no decision has been made since then.
    Open,
    /// A decision has been made.
    Resolved,
}

/// The filter and the page parameters of the list of reported comments.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct ReportedQuery {
    /// Lists only the reported comments with this status. If omitted, all reported comments are listed.
    #[schemars(example = &"open")]
    status: Option<StatusBody>,
    #[serde(flatten)]
    page: PageParams,
}

impl Input for ReportedQuery {
    type Checked = ListReportedComments;

    fn check(self, rules: &Rules, faults: &mut Faults) -> Option<ListReportedComments> {
        let page = self.page.check(rules, faults);
        let is_open = self.status.map(|status| status == StatusBody::Open);
        Some(ListReportedComments { is_open, page: page? })
    }
}

/// A report of a comment.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CommentReport")]
pub(crate) struct ReportBody {
    reason: ReasonBody,
    note: Option<String>,
    created_at: Moment,
}

impl From<CommentReport> for ReportBody {
    fn from(report: CommentReport) -> Self {
        Self { reason: report.reason.into(), note: report.note, created_at: Moment(report.created_at) }
    }
}

/// The comment that was reported.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CommentOfReports")]
struct ReportedBody {
    id: Uuid,
    /// `null` after the comment was deleted.
    text: Option<String>,
    /// `null` after the comment was deleted.
    author: Option<AuthorBody>,
    movie: ReferenceBody,
}

/// A reported comment with its reports.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReportedComment", example = example())]
pub(crate) struct ReportedCommentBody {
    id: Uuid,
    comment: ReportedBody,
    /// The latest 100 reports of the comment, oldest first.
    reports: Vec<ReportBody>,
    status: StatusBody,
    /// `null` while the status is `open`.
    decision: Option<DecisionBody>,
    /// `null` while the status is `open`.
    decided_at: Option<Moment>,
}

impl ReportedCommentBody {
    fn new(view: ReportedCommentView, public_url: &str) -> Self {
        Self {
            id: view.id.as_uuid(),
            comment: ReportedBody {
                id: view.comment_id.as_uuid(),
                text: view.text,
                author: view.author.map(|author| AuthorBody::new(author, public_url)),
                movie: view.movie.into(),
            },
            reports: view.reports.into_iter().map(Into::into).collect(),
            status: if view.decision.is_some() { StatusBody::Resolved } else { StatusBody::Open },
            decision: view.decision.map(|(decision, _)| decision.into()),
            decided_at: view.decision.map(|(_, at)| Moment(at)),
        }
    }
}

fn example() -> Value {
    json!({
        "id": "0190a1b2-0000-7000-8000-000000000002",
        "comment": {
            "id": "0190a1b2-0000-7000-8000-000000000000",
            "text": "In the end they all live.",
            "author": {"id": "0190a1b2-0000-7000-8000-000000000001", "name": "Ann Lee", "avatar_url": null},
            "movie": {"id": "0190a1b2-0000-7000-8000-000000000003", "name": "Alien"},
        },
        "reports": [{"reason": "spoiler", "note": null, "created_at": "2026-11-22T10:00:00Z"}],
        "status": "open",
        "decision": null,
        "decided_at": null,
    })
}

/// Report a comment to the moderators.
///
/// A second report of the same comment by the same caller changes nothing.
#[api_v2_operation(operation_id = "reportComment", tags("engagement"))]
pub(crate) async fn report_comment(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, Body(report))): Caller<PathId<CommentId, Body<ReportInput>>>,
) -> Result<NoContent, Failure<RespondError>> {
    engagement.run(async move |engagement| engagement.report_comment(actor, id, &report).await).await?;
    Ok(NoContent)
}

/// List the reported comments.
///
/// One item for each comment; the most recently reported comment is first.
#[api_v2_operation(operation_id = "listReportedComments", tags("engagement"))]
pub(crate) async fn list_reported_comments(
    engagement: UseCases<Engagement>,
    public_url: PublicUrl,
    Moderator(_, Query(wanted)): Moderator<Query<ReportedQuery>>,
) -> Result<PrivatePage<ReportedCommentBody>, Failure<ListError>> {
    let listing =
        engagement.run(async move |engagement| engagement.list_reported_comments(wanted).await).await?;
    Ok(PrivatePage(PageBody::of(listing, |view| ReportedCommentBody::new(view, &public_url))))
}

/// Decide about a reported comment.
///
/// Deletes the comment or keeps it.
#[api_v2_operation(operation_id = "decideReport", tags("engagement"))]
pub(crate) async fn decide_report(
    engagement: UseCases<Engagement>,
    Origin(origin): Origin,
    public_url: PublicUrl,
    Moderator(actor, PathId(id, Patch(body))): Moderator<PathId<ReportedCommentId, Patch<DecisionInput>>>,
) -> Result<OkJson<ReportedCommentBody>, Failure<DecideReportError>> {
    let decision = body.decision.into();
    let view = engagement
        .run(async move |engagement| engagement.decide_report(actor, id, decision, &origin).await)
        .await?;
    Ok(OkJson(ReportedCommentBody::new(view, &public_url)))
}
