//! The reactions, ratings, comments and reports in the export of a user's data.

use domain::{
    accounts::{HeldMovie, WrittenComment},
    catalog::MovieReaction,
    engagement::CommentReport,
    id::CommentId,
    time::Instant,
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{catalog::bodies::ReactionBody, engagement::reports::ReportBody, moment::Moment};

/// A reaction to a movie.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedReaction")]
pub(super) struct ReactionRowBody {
    movie_id: Uuid,
    name: String,
    value: ReactionBody,
    reacted_at: Moment,
}

impl From<(HeldMovie, MovieReaction)> for ReactionRowBody {
    fn from((movie, reaction): (HeldMovie, MovieReaction)) -> Self {
        Self {
            movie_id: movie.id.as_uuid(),
            name: movie.name,
            value: reaction.into(),
            reacted_at: Moment(movie.since),
        }
    }
}

/// A rating of a movie.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedRating")]
pub(super) struct RatingRowBody {
    movie_id: Uuid,
    name: String,
    #[schemars(range(min = 1, max = 10))]
    score: i16,
    rated_at: Moment,
}

impl From<(HeldMovie, i16)> for RatingRowBody {
    fn from((movie, score): (HeldMovie, i16)) -> Self {
        Self { movie_id: movie.id.as_uuid(), name: movie.name, score, rated_at: Moment(movie.since) }
    }
}

/// A comment that the user wrote.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedComment")]
pub(super) struct CommentRowBody {
    id: Uuid,
    movie_id: Uuid,
    text: String,
    created_at: Moment,
    edited_at: Option<Moment>,
}

impl From<WrittenComment> for CommentRowBody {
    fn from(comment: WrittenComment) -> Self {
        Self {
            id: comment.id.as_uuid(),
            movie_id: comment.movie_id.as_uuid(),
            text: comment.text,
            created_at: Moment(comment.created_at),
            edited_at: comment.edited_at.map(Moment),
        }
    }
}

/// A report that the user made about a comment.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedCommentReport")]
pub(super) struct ReportRowBody {
    comment_id: Uuid,
    #[serde(flatten)]
    report: ReportBody,
}

impl From<(CommentId, CommentReport)> for ReportRowBody {
    fn from((id, report): (CommentId, CommentReport)) -> Self {
        Self { comment_id: id.as_uuid(), report: report.into() }
    }
}

/// A comment that the user likes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedCommentLike")]
pub(super) struct LikedCommentBody {
    comment_id: Uuid,
    liked_at: Moment,
}

impl From<(CommentId, Instant)> for LikedCommentBody {
    fn from((id, at): (CommentId, Instant)) -> Self {
        Self { comment_id: id.as_uuid(), liked_at: Moment(at) }
    }
}
