//! The opinions of users about movies: reactions, ratings, favourites and comments; and reports of comments.

mod comment;
mod ports;
mod rating;
mod report;

pub use comment::{
    Comment, CommentAuthor, CommentText, CommentView, InvalidCommentText, MAX_COMMENT_LENGTH, NewComment,
};
pub use ports::{
    CommentLikes, CommentQueries, CommentReportQueries, CommentReportRepository, CommentRepository,
    EngagementRepository, EngagementStore, EngagementUnit, PopularityMaintenance, ReactionCounts,
};
pub use rating::{InvalidScore, Score};
pub use report::{
    CommentReport, MAX_NOTE_LENGTH, MAX_SHOWN_REPORTS, NewReport, ReportDecision, ReportReason,
    ReportedComment, ReportedCommentView, UnknownReportDecision, UnknownReportReason,
};
