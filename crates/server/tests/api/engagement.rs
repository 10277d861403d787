//! Reactions, ratings, favourites, comments, reports of comments, and the popularity of movies.

mod comments;
mod favorites;
mod movies;
mod popularity;
mod reports;

use crate::support::Case;

pub(crate) fn cases() -> Vec<Case> {
    let parts =
        [movies::cases(), favorites::cases(), comments::cases(), reports::cases(), popularity::cases()];
    parts.into_iter().flatten().collect()
}
