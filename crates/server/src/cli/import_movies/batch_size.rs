use std::time::Duration;

/// The number of rows in the first batch of an import.
const FIRST: usize = 1_000;
/// After slow batches, the size of the next batches is not reduced below this number of rows.
const SMALLEST: usize = 250;

/// A batch that takes longer than this is followed by smaller batches. On SQLite, other writers wait for the end of the
/// batch, and time out after 5 s.
const LONG: Duration = Duration::from_millis(2_500);
/// A batch that takes less time than this is followed by larger batches.
const SHORT: Duration = Duration::from_secs(1);

/// The number of rows in a batch, which depends on how long the previous batches took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchSize {
    rows: usize,
    largest: usize,
}

impl BatchSize {
    /// Creates the size of the first batch. The size never exceeds `largest` rows.
    pub(super) fn up_to(largest: usize) -> Self {
        Self { rows: FIRST.min(largest), largest }
    }

    /// The number of rows of the next batch.
    pub(super) const fn rows(self) -> usize {
        self.rows
    }

    /// Adapts the size to the time that a batch of `rows` rows took. A fast batch that is smaller than the current
    /// size, such as the last batch of a file, does not increase the size.
    pub(super) fn note(&mut self, rows: usize, taken: Duration) {
        if taken > LONG {
            self.rows = self.rows.div_euclid(2).max(SMALLEST).min(self.largest);
        } else if taken < SHORT && rows >= self.rows {
            self.rows = self.rows.saturating_mul(2).min(self.largest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_while_they_are_fast_and_shrink_when_they_are_slow() {
        let mut size = BatchSize::up_to(4_000);
        let mut after = |rows, seconds: f64| {
            size.note(rows, Duration::from_secs_f64(seconds));
            size.rows()
        };
        assert_eq!(after(1_000, 0.2), 2_000);
        assert_eq!(after(1_000, 0.2), 2_000, "a batch smaller than the current size does not increase it");
        assert_eq!([after(2_000, 0.9), after(4_000, 0.9)], [4_000, 4_000]);
        assert_eq!(after(4_000, 2.0), 4_000);
        assert_eq!([after(4_000, 5.0), after(2_000, 3.0), after(1_000, 3.0)], [2_000, 1_000, 500]);
        assert_eq!([after(500, 3.0), after(250, 3.0)], [250, 250]);
        let mut small = BatchSize::up_to(100);
        small.note(100, Duration::from_secs(3));
        assert_eq!(small.rows(), 100, "the size never exceeds the largest size");
    }
}
