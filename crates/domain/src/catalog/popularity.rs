/// The activity of users with a movie. Each user counts once for each kind of activity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Activity {
    /// The number of users who like the movie.
    pub likes: i64,
    /// The number of users who rated the movie.
    pub ratings: i64,
    /// The number of users who commented on the movie or replied to such a comment.
    pub commenters: i64,
    /// The number of users who have an active purchase of the movie.
    pub purchases: i64,
}

/// How many IMDb votes an action of a user counts for. Actions count more than votes, because this shop has far fewer
/// users than IMDb.
const VOTES_OF_ACT: i64 = 1_000;

/// How many other actions a purchase counts for.
const ACTS_OF_PURCHASE: i64 = 3;

/// The popularity score of a movie: the votes at IMDb, plus points for each action of a user. Without activity, movies
/// are ordered by their votes.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "counts of votes and actions are far below 2^53, up to which f64 is exact"
)]
pub const fn popularity(votes: i64, activity: Activity) -> f64 {
    let Activity { likes, ratings, commenters, purchases } = activity;
    let acts = likes
        .saturating_add(ratings)
        .saturating_add(commenters)
        .saturating_add(purchases.saturating_mul(ACTS_OF_PURCHASE));
    votes.saturating_add(acts.saturating_mul(VOTES_OF_ACT)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_activity_popularity_orders_like_votes() {
        let idle = |votes| popularity(votes, Activity::default());
        assert!(idle(2) > idle(1) && idle(1) > idle(0));
    }

    #[test]
    fn every_action_counts_and_a_purchase_counts_most() {
        let idle = Activity::default();
        let acts = [
            Activity { likes: 1, ..idle },
            Activity { ratings: 1, ..idle },
            Activity { commenters: 1, ..idle },
            Activity { purchases: 1, ..idle },
        ];
        let scores = acts.map(|activity| popularity(500, activity));
        let expected = [1_500.0_f64, 1_500.0, 1_500.0, 3_500.0];
        assert_eq!(scores.map(f64::to_bits), expected.map(f64::to_bits));
    }
}
