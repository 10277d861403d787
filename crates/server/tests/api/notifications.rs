//! Notifications: the list, its counts, settings, mails, and the live stream.

mod comments;
mod list;
mod mails;
mod stream;

use domain::{
    id::{CommentId, MovieId},
    notifications::NotificationCause,
};

use crate::support::{Case, Movies, SignedIn, TestApp};

pub(crate) fn cases() -> Vec<Case> {
    [comments::cases(), list::cases(), mails::cases(), stream::cases()].into_iter().flatten().collect()
}

/// The movie on which users comment in these cases.
const MOVIE: &str = "Alien";

fn movie(movies: &Movies) -> MovieId {
    movies.id(MOVIE).parse().unwrap()
}

/// Returns the cause of a notification about a reply that `actor` wrote. The reply gets a new identifier.
fn reply(app: &TestApp, actor: &SignedIn, movie_id: MovieId) -> NotificationCause {
    NotificationCause::CommentReply { actor: user_id(actor), movie_id, reply_id: app.next_id() }
}

/// Returns the cause of a notification about `actor` liking this comment.
fn like(actor: &SignedIn, movie_id: MovieId, comment_id: CommentId) -> NotificationCause {
    NotificationCause::CommentLike { actor: user_id(actor), movie_id, comment_id }
}

fn user_id(user: &SignedIn) -> domain::id::UserId {
    domain::id::Id::from_uuid(user.id())
}
