//! The mails about notifications. Receivers can unsubscribe from them.

use super::mail;

/// Says that somebody replied to a comment.
pub(crate) struct CommentReplied {
    /// The name of the user who replied.
    pub(crate) actor: String,
    /// The name of the movie.
    pub(crate) movie: String,
    /// The path of the movie's page, relative to `FRONTEND_URL`.
    pub(crate) movie_path: String,
    pub(crate) unsubscribe_url: String,
}

mail!(
    CommentReplied,
    "mails/notifications/comment_replied.txt",
    "mails/notifications/comment_replied.html",
    |mail| format!("New reply to your comment on {}", mail.movie),
    |mail| Some(&mail.unsubscribe_url)
);

/// Says that somebody liked a comment.
pub(crate) struct CommentLiked {
    /// The name of the user who liked the comment last.
    pub(crate) actor: String,
    /// How many other users like the comment.
    pub(crate) others: u64,
    /// The name of the movie.
    pub(crate) movie: String,
    /// The path of the movie's page, relative to `FRONTEND_URL`.
    pub(crate) movie_path: String,
    pub(crate) unsubscribe_url: String,
}

mail!(
    CommentLiked,
    "mails/notifications/comment_liked.txt",
    "mails/notifications/comment_liked.html",
    |mail| format!("Your comment on {} was liked", mail.movie),
    |mail| Some(&mail.unsubscribe_url)
);

impl CommentLiked {
    /// The beginning of a sentence: who likes the comment, and the verb (for example, "Ann and one other like").
    fn who(&self) -> String {
        match self.others {
            0 => format!("{} likes", self.actor),
            1 => format!("{} and one other like", self.actor),
            others => format!("{} and {others} others like", self.actor),
        }
    }
}

#[cfg(test)]
pub(super) fn samples() -> Vec<Box<dyn super::Content>> {
    let actor = || "Zoë O'Hara".to_owned();
    let movie = || "Heat".to_owned();
    let movie_path = || "/movies/0190a1b2-0000-7000-8000-000000000001".to_owned();
    let unsubscribe_url = || "https://cinema.example/unsubscribe?token=a-b_c".to_owned();
    vec![
        Box::new(CommentReplied {
            actor: actor(),
            movie: movie(),
            movie_path: movie_path(),
            unsubscribe_url: unsubscribe_url(),
        }),
        Box::new(CommentLiked {
            actor: actor(),
            others: 1,
            movie: movie(),
            movie_path: movie_path(),
            unsubscribe_url: unsubscribe_url(),
        }),
    ]
}
