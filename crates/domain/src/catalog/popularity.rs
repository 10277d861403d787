/// The score by which movies are popular. It begins with the votes at IMDb, so that the order is that of the votes as long
/// as nothing else is known.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "votes are far below 2^53, where f64 is exact"
)]
pub const fn popularity(votes: i64) -> f64 {
    votes as f64
}

#[cfg(test)]
mod tests {
    use super::popularity;

    #[test]
    fn without_activity_popularity_orders_like_votes() {
        assert!(popularity(2) > popularity(1) && popularity(1) > popularity(0));
    }
}
