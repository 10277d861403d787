use std::time::Duration;

use async_trait::async_trait;
use domain::time::Backoff;

use crate::tokens::random;

/// Waits for a random time, between half of the given time and all of it, on tokio's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomBackoff;

#[async_trait]
impl Backoff for RandomBackoff {
    async fn wait(&self, longest: Duration) {
        tracing::debug!(
            ?longest,
            "a unit of work (transaction) conflicted with another one and is retried after a wait"
        );
        tokio::time::sleep(part_of(longest, u16::from_ne_bytes(random()))).await;
    }
}

/// Returns the part of `longest` that corresponds to `chance`: half for 0, all for 65,535, and linearly in between.
fn part_of(longest: Duration, chance: u16) -> Duration {
    let half = longest.checked_div(2).unwrap_or_default();
    let more = half.saturating_mul(u32::from(chance)).checked_div(u32::from(u16::MAX)).unwrap_or_default();
    half.saturating_add(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_at_least_half_and_at_most_all_of_the_time() {
        let longest = Duration::from_millis(80);
        let parts = [0, 1, 32_768, u16::MAX].map(|chance| part_of(longest, chance));
        assert!(parts.is_sorted_by(|one, next| one < next), "{parts:?}");
        assert_eq!((parts[0], parts[3]), (Duration::from_millis(40), longest));
        assert_eq!(part_of(Duration::ZERO, 7), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn waits_are_random_and_within_the_limits() {
        let longest = Duration::from_hours(1);
        let mut waits = std::collections::BTreeSet::new();
        for _ in 0..50 {
            let begun = tokio::time::Instant::now();
            RandomBackoff.wait(longest).await;
            assert!((longest / 2..=longest).contains(&begun.elapsed()), "{:?}", begun.elapsed());
            waits.insert(begun.elapsed());
        }
        assert!(waits.len() > 25, "{}", waits.len());
    }
}
