//! Reactions, ratings, favourites, comments and their reports, and the popularity of movies that follows from them.

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
