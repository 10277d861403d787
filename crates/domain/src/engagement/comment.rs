use crate::{
    id::{CommentId, MovieId, UserId},
    media::MediaKey,
    time::Instant,
};

/// The maximum length of a comment, in characters.
pub const MAX_COMMENT_LENGTH: usize = 2_000;

/// The text of a comment: 1 to 2,000 characters, without white space around it. It is plain text, which must be escaped
/// where it is shown as HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentText(String);

/// The text cannot be a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCommentText {
    /// The text is blank.
    #[error("a comment has at least one character")]
    Empty,
    /// The text is longer than [`MAX_COMMENT_LENGTH`].
    #[error("a comment has at most 2,000 characters")]
    TooLong,
}

impl CommentText {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for CommentText {
    type Err = InvalidCommentText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidCommentText::Empty);
        }
        if text.chars().count() > MAX_COMMENT_LENGTH {
            return Err(InvalidCommentText::TooLong);
        }
        Ok(Self(text.to_owned()))
    }
}

/// A comment to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewComment {
    /// The identifier of the comment.
    pub id: CommentId,
    /// The movie that the comment is about.
    pub movie_id: MovieId,
    /// For a reply, the first comment of its thread; `None` when this comment begins a thread.
    pub thread_id: Option<CommentId>,
    /// The author of the comment.
    pub author: UserId,
    /// The text of the comment.
    pub text: CommentText,
    /// When the comment was written.
    pub created_at: Instant,
}

/// A stored comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The identifier of the comment.
    pub id: CommentId,
    /// The movie that the comment is about.
    pub movie_id: MovieId,
    /// For a reply, the first comment of its thread; `None` when this comment begins a thread.
    pub thread_id: Option<CommentId>,
    /// The author of the comment; `None` if the comment was deleted and is kept only because of its replies.
    pub author: Option<UserId>,
    /// The number of its replies that are not deleted.
    pub replies_count: i64,
    /// When the comment was written.
    pub created_at: Instant,
}

impl Comment {
    /// Whether the comment was deleted and is kept only because of its replies.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        self.author.is_none()
    }

    /// The thread that a reply to this comment belongs to. Threads have one level, so a reply to a reply belongs to the
    /// same thread.
    #[must_use]
    pub fn thread(&self) -> CommentId {
        self.thread_id.unwrap_or(self.id)
    }
}

/// The author of a comment, as other users see the author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentAuthor {
    /// The user.
    pub id: UserId,
    /// The names in the profile, or a neutral name; never the email address.
    pub name: String,
    /// The key of the avatar; `None` if the author has none.
    pub avatar: Option<MediaKey>,
}

/// A comment as a viewer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentView {
    /// The identifier of the comment.
    pub id: CommentId,
    /// The author of the comment; `None` if the comment was deleted.
    pub author: Option<CommentAuthor>,
    /// The text of the comment; `None` if the comment was deleted.
    pub text: Option<String>,
    /// The number of likes.
    pub likes: i64,
    /// The number of its replies that are not deleted.
    pub replies_count: i64,
    /// Whether the viewer likes the comment.
    pub liked_by_me: bool,
    /// When the comment was written.
    pub created_at: Instant,
    /// When the text was last changed; `None` if it was never changed.
    pub edited_at: Option<Instant>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_has_1_to_2_000_characters_after_trimming() {
        let parse = |text: &str| text.parse::<CommentText>().map(|text| text.as_str().to_owned());
        assert_eq!(parse("  Great \n"), Ok("Great".to_owned()));
        assert_eq!(parse(" \t\n"), Err(InvalidCommentText::Empty));
        assert!(parse(&"é".repeat(2_000)).is_ok());
        assert_eq!(parse(&"é".repeat(2_001)), Err(InvalidCommentText::TooLong));
        assert!(parse(&format!(" {} ", "a".repeat(2_000))).is_ok());
    }
}
