use chrono::TimeDelta;

use crate::time::Instant;

/// Below this percentage of the running time, a movie does not count as begun.
pub const BEGUN_FROM_PERCENT: i64 = 5;
/// Above this percentage of the running time, a movie counts as watched.
pub const WATCHED_ABOVE_PERCENT: i64 = 90;

/// How much longer than the running time an address for watching is valid, to allow for pauses.
const PAUSES: TimeDelta = TimeDelta::hours(4);

/// The running time of a movie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningTime(i64);

impl RunningTime {
    /// Creates a running time from minutes.
    #[must_use]
    pub fn of_minutes(minutes: i32) -> Self {
        Self(i64::from(minutes).saturating_mul(60))
    }

    /// The running time in seconds.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// How long an address for watching the movie is valid.
    #[must_use]
    pub fn address_lifetime(self) -> TimeDelta {
        TimeDelta::try_seconds(self.0).and_then(|time| time.checked_add(&PAUSES)).unwrap_or(PAUSES)
    }

    /// Whether a position is beyond this percentage of the movie.
    const fn is_above(self, position: i64, percent: i64) -> bool {
        position.saturating_mul(100) > self.0.saturating_mul(percent)
    }
}

/// How far a user has watched a bought movie.
///
/// ```
/// use domain::{library::{Progress, RunningTime}, time::Instant};
///
/// let (movie, now) = (RunningTime::of_minutes(100), Instant::UNIX_EPOCH);
/// let half = Progress::reported(None, 3_000, now, movie);
/// assert!(half.is_in_progress(movie) && !half.is_watched);
/// assert!(Progress::reported(Some(half), 5_500, now, movie).is_watched);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The position of the player, in seconds from the beginning.
    pub position_seconds: i64,
    /// When the player was at this position.
    pub at: Instant,
    /// Whether the movie counts as watched.
    pub is_watched: bool,
}

impl Progress {
    /// Returns the progress to store after a player reported its position at the time `at`. A report that is older than
    /// the stored progress changes nothing; a position after the end means the end. The movie counts as watched above
    /// [`WATCHED_ABOVE_PERCENT`], and otherwise as not watched.
    #[must_use]
    pub fn reported(kept: Option<Self>, position_seconds: i64, at: Instant, movie: RunningTime) -> Self {
        // Truncated, because databases store microseconds, and stored times are compared with reported ones.
        let at = Instant::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at);
        if let Some(kept) = kept.filter(|kept| kept.at > at) {
            return kept;
        }
        let position_seconds = position_seconds.clamp(0, movie.seconds());
        let is_watched = movie.is_above(position_seconds, WATCHED_ABOVE_PERCENT);
        Self { position_seconds, at, is_watched }
    }

    /// Returns the progress to store after the user marked the movie as watched or as not watched. A movie that is
    /// marked as not watched starts from the beginning if its position is above [`WATCHED_ABOVE_PERCENT`].
    #[must_use]
    pub fn marked(kept: Option<Self>, is_watched: bool, now: Instant, movie: RunningTime) -> Self {
        let position_seconds = kept.map_or(0, |kept| kept.position_seconds);
        let is_at_end = movie.is_above(position_seconds, WATCHED_ABOVE_PERCENT);
        let position_seconds = if is_at_end && !is_watched { 0 } else { position_seconds };
        Self { position_seconds, at: kept.map_or(now, |kept| kept.at.max(now)), is_watched }
    }

    /// Returns the progress to store after the user removed the movie from the list of movies being watched. The movie
    /// then starts from the beginning. Late reports about an earlier time do not add it to the list again.
    #[must_use]
    pub fn taken_off(kept: Option<Self>, now: Instant) -> Self {
        let at = kept.map_or(now, |kept| kept.at.max(now));
        Self { position_seconds: 0, at, is_watched: kept.is_some_and(|kept| kept.is_watched) }
    }

    /// Whether the user has begun to watch the movie and has not finished.
    #[must_use]
    pub fn is_in_progress(self, movie: RunningTime) -> bool {
        let is_begun =
            self.position_seconds.saturating_mul(100) >= movie.seconds().saturating_mul(BEGUN_FROM_PERCENT);
        is_begun && !self.is_watched && !movie.is_above(self.position_seconds, WATCHED_ABOVE_PERCENT)
    }

    /// The position where a player starts: the beginning when the movie counts as watched.
    #[must_use]
    pub const fn resume_at(self) -> i64 {
        if self.is_watched { 0 } else { self.position_seconds }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOVIE: RunningTime = RunningTime(6_000);

    fn at(seconds: i64) -> Instant {
        Instant::from_timestamp_micros(seconds.saturating_mul(1_000_000)).unwrap()
    }

    fn reported(position: i64, seconds: i64) -> Progress {
        Progress::reported(None, position, at(seconds), MOVIE)
    }

    #[test]
    fn a_movie_is_in_progress_between_5_and_90_percent() {
        for (position, in_progress, watched) in [
            (0, false, false),
            (299, false, false),
            (300, true, false),
            (5_400, true, false),
            (5_401, false, true),
            (99_999, false, true),
        ] {
            let progress = reported(position, 0);
            assert_eq!(
                (progress.is_in_progress(MOVIE), progress.is_watched),
                (in_progress, watched),
                "{position}"
            );
        }
        assert_eq!(reported(99_999, 0).position_seconds, 6_000);
    }

    #[test]
    fn only_reports_that_are_not_older_change_the_progress() {
        let kept = reported(1_000, 10);
        assert_eq!(Progress::reported(Some(kept), 2_000, at(9), MOVIE), kept);
        assert_eq!(Progress::reported(Some(kept), 2_000, at(10), MOVIE).position_seconds, 2_000);
    }

    #[test]
    fn a_mark_is_kept_until_the_player_continues() {
        let watched = Progress::marked(Some(reported(1_000, 10)), true, at(20), MOVIE);
        assert!(watched.is_watched && !watched.is_in_progress(MOVIE));
        assert_eq!((watched.position_seconds, watched.resume_at()), (1_000, 0));
        let again = Progress::marked(Some(watched), false, at(30), MOVIE);
        assert!(again.is_in_progress(MOVIE));
        let anew = Progress::marked(Some(reported(5_900, 10)), false, at(20), MOVIE);
        assert_eq!((anew.position_seconds, anew.is_watched), (0, false));
        assert!(Progress::reported(Some(watched), 1_200, at(40), MOVIE).is_in_progress(MOVIE));
    }

    #[test]
    fn late_reports_do_not_restore_a_removed_movie() {
        let off = Progress::taken_off(Some(reported(1_000, 10)), at(20));
        assert!(!off.is_in_progress(MOVIE));
        assert_eq!(
            Progress::taken_off(None, at(20)),
            off,
            "the time is stored even without progress, so that a late first report has no effect"
        );
        assert_eq!(Progress::reported(Some(off), 1_500, at(15), MOVIE), off);
        assert!(Progress::reported(Some(off), 1_500, at(25), MOVIE).is_in_progress(MOVIE));
    }

    proptest! {
        #[test]
        fn reports_in_any_order_end_at_the_position_of_the_latest_report(
            mut reports in prop::collection::btree_map(0_i64..1_000, 0_i64..7_000, 1..12)
                .prop_map(|reports| reports.into_iter().collect::<Vec<_>>())
                .prop_flat_map(|reports| Just(reports).prop_shuffle()),
        ) {
            let after = |kept, (second, position): &(i64, i64)| {
                Some(Progress::reported(kept, *position, at(*second), MOVIE))
            };
            let ended = reports.iter().fold(None, after);
            reports.sort_unstable();
            prop_assert_eq!(ended, reports.last().map(|(second, position)| reported(*position, *second)));
        }
    }
}
