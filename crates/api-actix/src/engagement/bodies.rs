//! Reactions, ratings and comments in requests and responses, as JSON.

use domain::{
    catalog::MovieReaction,
    engagement::{CommentAuthor, CommentText, CommentView, MAX_COMMENT_LENGTH, ReactionCounts, Score},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    catalog::bodies::ReactionBody,
    extract::{Fault, Faults, Input, Text, inputs},
    moment::Moment,
    problem::FieldCode,
    rules::Rules,
};

/// The caller's reaction to a movie.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ReactionInput", example = json!({"value": "like"}))]
pub(crate) struct ReactionInput {
    /// The reaction, like or dislike.
    pub(crate) value: ReactionBody,
}

/// A new comment, or the new text of a comment.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "CommentInput", example = json!({"text": "The ending is the best part."}))]
pub(crate) struct CommentInput {
    /// Plain text of 1 to 2,000 characters; surrounding white space is removed before counting.
    pub(crate) text: Text<CommentText>,
}

inputs!(ReactionInput, CommentInput);

/// The caller's rating of a movie.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "RatingInput", example = json!({"score": 9}))]
pub(crate) struct RatingInput {
    /// The rating, from 1 to 10.
    #[schemars(range(min = 1, max = 10))]
    score: i16,
}

impl Input for RatingInput {
    type Checked = Score;

    fn check(self, _rules: &Rules, faults: &mut Faults) -> Option<Score> {
        let score = Score::try_from(self.score);
        score
            .map_err(|error| faults.add("score", Fault::new(FieldCode::InvalidValue, error.to_string())))
            .ok()
    }
}

impl From<ReactionBody> for MovieReaction {
    fn from(reaction: ReactionBody) -> Self {
        match reaction {
            ReactionBody::Like => Self::Like,
            ReactionBody::Dislike => Self::Dislike,
        }
    }
}

/// The reactions to a movie.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReactionCounts", example = json!({"likes": 12, "dislikes": 3}))]
pub(crate) struct ReactionCountsBody {
    #[schemars(range(min = 0))]
    likes: i64,
    #[schemars(range(min = 0))]
    dislikes: i64,
}

impl From<ReactionCounts> for ReactionCountsBody {
    fn from(counts: ReactionCounts) -> Self {
        Self { likes: counts.likes, dislikes: counts.dislikes }
    }
}

/// The likes of a comment.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CommentLikes", example = json!({"likes": 4}))]
pub(crate) struct LikesBody {
    #[schemars(range(min = 0))]
    pub(crate) likes: i64,
}

/// The author of a comment.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CommentAuthor")]
pub(crate) struct AuthorBody {
    id: Uuid,
    /// The first and last name in the profile, or else `Member` and the last four characters of the id.
    name: String,
    /// The URL of the avatar. Requests to this URL need no token.
    #[schemars(extend("format" = "uri"))]
    avatar_url: Option<String>,
}

impl AuthorBody {
    /// Creates the body. The URL of the avatar begins with `public_url`.
    pub(super) fn new(author: CommentAuthor, public_url: &str) -> Self {
        Self {
            id: author.id.as_uuid(),
            name: author.name,
            avatar_url: author.avatar.map(|key| format!("{}/media/{key}", public_url.trim_end_matches('/'))),
        }
    }
}

/// A comment on a movie, or a reply to a comment.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Comment", example = comment_example())]
pub(crate) struct CommentBody {
    id: Uuid,
    /// The author; `null` if the comment was deleted and is kept only because of its replies.
    author: Option<AuthorBody>,
    /// The plain text; `null` if the comment was deleted.
    #[schemars(length(max = MAX_COMMENT_LENGTH))]
    text: Option<String>,
    #[schemars(range(min = 0))]
    likes: i64,
    /// The number of replies to the comment that are not deleted.
    #[schemars(range(min = 0))]
    replies_count: i64,
    /// Whether the caller likes the comment; `false` for a visitor.
    liked_by_me: bool,
    created_at: Moment,
    /// When the text was last changed; `null` if it was never changed.
    edited_at: Option<Moment>,
}

impl CommentBody {
    /// Creates the body. The URL of the avatar begins with `public_url`.
    pub(crate) fn new(comment: CommentView, public_url: &str) -> Self {
        Self {
            id: comment.id.as_uuid(),
            author: comment.author.map(|author| AuthorBody::new(author, public_url)),
            text: comment.text,
            likes: comment.likes,
            replies_count: comment.replies_count,
            liked_by_me: comment.liked_by_me,
            created_at: Moment(comment.created_at),
            edited_at: comment.edited_at.map(Moment),
        }
    }
}

fn comment_example() -> Value {
    json!({
        "id": "0190a1b2-0000-7000-8000-000000000000",
        "author": {"id": "0190a1b2-0000-7000-8000-000000000001", "name": "Ann Lee", "avatar_url": null},
        "text": "The ending is the best part.",
        "likes": 4,
        "replies_count": 1,
        "liked_by_me": false,
        "created_at": "2026-11-22T10:00:00Z",
        "edited_at": null,
    })
}
