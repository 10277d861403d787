//! Reactions, ratings, favourites and comments.

mod comments;
mod movies;

use crate::support::Case;

pub(crate) fn cases() -> Vec<Case> {
    movies::cases().into_iter().chain(comments::cases()).collect()
}
