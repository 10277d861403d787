//! The opinions of users about movies: reactions, ratings, favourites and comments.

mod comment;
mod ports;
mod rating;

pub use comment::{
    Comment, CommentAuthor, CommentText, CommentView, InvalidCommentText, MAX_COMMENT_LENGTH, NewComment,
    author_name,
};
pub use ports::{
    CommentQueries, CommentRepository, EngagementRepository, EngagementStore, EngagementUnit, ReactionCounts,
};
pub use rating::{InvalidScore, Score};
