use std::str::FromStr;

use crate::{
    catalog::Named,
    engagement::CommentAuthor,
    id::{CommentId, MovieId, MovieKind, ReportedCommentId, UserId},
    time::Instant,
};

/// The maximum length of the note of a report, in characters.
pub const MAX_NOTE_LENGTH: usize = 1_000;

/// The maximum number of reports of one comment that are shown: the latest ones.
pub const MAX_SHOWN_REPORTS: u32 = 100;

/// Declares an enum whose values have names that must never change, because they are stored and part of the API.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident or $error:ident = $what:literal: $($(#[$value_doc:meta])* $value:ident = $text:literal,)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$value_doc])* $value,)+
        }

        #[doc = concat!("The text is not the name of a ", $what, ".")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        #[error("no value has this name")]
        pub struct $error;

        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$value),+];

            /// The name of the value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$value => $text,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or($error)
            }
        }
    };
}

named! {
    /// Why a user reports a comment.
    ReportReason or UnknownReportReason = "reason of a report":
    /// The comment advertises something.
    Spam = "spam",
    /// The comment insults or threatens someone.
    Abuse = "abuse",
    /// The comment reveals the plot.
    Spoiler = "spoiler",
    /// Another reason, which the note should explain.
    Other = "other",
}

named! {
    /// A moderator's decision about a reported comment.
    ReportDecision or UnknownReportDecision = "decision":
    /// The comment is deleted.
    Remove = "remove",
    /// The comment is kept.
    Dismiss = "dismiss",
}

/// A report to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReport {
    /// The identifier that the reported comment gets if this is its first report.
    pub id: ReportedCommentId,
    /// The comment.
    pub comment_id: CommentId,
    /// The movie that the comment is about.
    pub movie_id: MovieId,
    /// The user who reports the comment.
    pub reporter: UserId,
    /// The reason.
    pub reason: ReportReason,
    /// An explanation, of [`MAX_NOTE_LENGTH`] characters at most.
    pub note: Option<String>,
    /// When the comment was reported.
    pub at: Instant,
}

/// A reported comment, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportedComment {
    /// The identifier of the reported comment, which differs from that of the comment.
    pub id: ReportedCommentId,
    /// The comment.
    pub comment_id: CommentId,
    /// The decision; `None` while reports are open.
    pub decision: Option<ReportDecision>,
}

/// One report of a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentReport {
    /// The reason.
    pub reason: ReportReason,
    /// An explanation.
    pub note: Option<String>,
    /// When the comment was reported.
    pub created_at: Instant,
}

/// A reported comment, as moderators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedCommentView {
    /// The identifier of the reported comment, which differs from that of the comment.
    pub id: ReportedCommentId,
    /// The comment.
    pub comment_id: CommentId,
    /// The text of the comment; `None` if the comment was deleted.
    pub text: Option<String>,
    /// The author of the comment; `None` if the comment was deleted.
    pub author: Option<CommentAuthor>,
    /// The movie that the comment is about.
    pub movie: Named<MovieKind>,
    /// The reports, oldest first; [`MAX_SHOWN_REPORTS`] at most.
    pub reports: Vec<CommentReport>,
    /// The decision and its time; `None` while reports are open.
    pub decision: Option<(ReportDecision, Instant)>,
}
