use std::{fmt, str::FromStr};

use chrono::{SecondsFormat, TimeDelta};
use domain::{
    audit::{LogPlace, Seal},
    store::StoreError,
    time::Instant,
};
use uuid::Uuid;

use super::{Audit, SEALED_AT_ONCE};

/// How many seals are read at once.
const BATCH: u32 = 100;

/// The age above which an unsealed row is reported as overdue.
const OVERDUE: TimeDelta = TimeDelta::hours(1);

/// A seal that was recorded outside the database, written as `NUMBER:DIGEST`, for example `13:9f3a…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownSeal {
    /// The number of the seal.
    pub number: u64,
    /// The digest of the seal. It is computed from the rows of the seal and from the digest of the previous seal, so
    /// it depends on all earlier seals and their rows.
    pub digest: String,
}

/// The text does not have the form of a [`KnownSeal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not of the form NUMBER:DIGEST, as `audit verify` prints it")]
pub struct MalformedKnownSeal;

impl fmt::Display for KnownSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.digest)
    }
}

impl FromStr for KnownSeal {
    type Err = MalformedKnownSeal;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, digest) = text.split_once(':').ok_or(MalformedKnownSeal)?;
        let number = number.parse().map_err(|_| MalformedKnownSeal)?;
        let is_digest = !digest.is_empty() && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_digest { Ok(Self { number, digest: digest.to_lowercase() }) } else { Err(MalformedKnownSeal) }
    }
}

/// What is known about the log from outside the database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Rows before this time were removed deliberately. A seal that covers a part of the log that begins before this
    /// time is accepted without checking its rows.
    pub removed_before: Option<Instant>,
    /// A seal of an earlier verification, which was recorded outside the database.
    pub seal: Option<KnownSeal>,
}

/// The part of the log that a seal covers, for messages about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPart {
    number: u64,
    after: Option<Instant>,
    until: Instant,
}

impl fmt::Display for SealedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seal {} (rows ", self.number)?;
        if let Some(after) = self.after {
            write!(f, "from {} ", written(after))?;
        }
        write!(f, "until {})", written(self.until))
    }
}

fn written(moment: Instant) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A sign that the log was manipulated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogFault {
    /// Consecutive seals are missing.
    #[error("{} missing", seals(*.first, *.last, "is", "are"))]
    MissingSeals {
        /// The number of the first of the consecutive seals.
        first: u64,
        /// The number of the last of the consecutive seals.
        last: u64,
    },
    /// The part has fewer rows than were sealed.
    #[error("{part}: {missing} of its {rows} rows are missing")]
    MissingRows {
        /// The part of the log that the seal covers.
        part: SealedPart,
        /// The number of missing rows.
        missing: u64,
        /// The number of sealed rows.
        rows: u64,
    },
    /// The part has more rows than were sealed.
    #[error("{0}: rows were added to it after it was sealed")]
    AddedRows(SealedPart),
    /// The part has other rows than were sealed, or the seal was changed.
    #[error("{0}: a row of it, or the seal itself, was changed")]
    Changed(SealedPart),
    /// Consecutive seals were made with a key that is not known, or were forged.
    #[error("{} made with a key that is not known, or forged", seals(*.first, *.last, "was", "were"))]
    Unproven {
        /// The number of the first of the consecutive seals.
        first: u64,
        /// The number of the last of the consecutive seals.
        last: u64,
    },
    /// The recorded seal is not in the database, or differs there.
    #[error("seal {0} differs from the known seal with this number: the log was rewritten or truncated")]
    NotAsNoted(u64),
}

fn seals(first: u64, last: u64, one: &str, several: &str) -> String {
    if first == last { format!("seal {first} {one}") } else { format!("seals {first} to {last} {several}") }
}

/// The result of verifying the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verification {
    /// The number of sealed rows in the parts of the log that are unchanged.
    pub rows: u64,
    /// The number of seals whose rows are unchanged.
    pub seals: u64,
    /// The number of seals that were accepted without checking their rows, because the rows were removed deliberately.
    pub removed: u64,
    /// How many rows are not sealed yet.
    pub unsealed: u64,
    /// Whether some of the unsealed rows are overdue: sealing does not run, or is too slow.
    pub is_overdue: bool,
    /// The last seal. If an operator records it outside the database, a later verification can prove that the log up to
    /// this seal was not rewritten.
    pub last: Option<KnownSeal>,
    /// The signs of manipulation.
    pub faults: Vec<LogFault>,
    /// The numbers of the first and the last pending seal; `None` if no seal is pending. The tag of a pending seal
    /// (the message authentication code of its digest) was not made with a known key, but a later seal whose tag was
    /// made with a known key may still prove it.
    unproven: Option<(u64, u64)>,
}

impl Audit {
    /// Compares the log with its seals. Signs of manipulation are not returned as errors, but in `faults` of the
    /// result.
    ///
    /// # Errors
    /// When the store fails, or contains invalid data.
    pub async fn verify(&self, known: &Known) -> Result<Verification, StoreError> {
        let mut found = Verification::default();
        let mut before: Option<Seal> = None;
        let mut awaited = known.seal.clone();
        loop {
            let seals = self.seals.seals_behind(before.as_ref().map_or(0, |seal| seal.number), BATCH).await?;
            if seals.is_empty() {
                break;
            }
            for seal in seals {
                self.compare(&mut found, before.as_ref(), &seal, known.removed_before).await?;
                found.note_proof(&seal, self.maker.is_tag(&seal.tag, &seal.digest));
                awaited.take_if(|noted| noted.number == seal.number && noted.digest == seal.digest);
                before = Some(seal);
            }
        }
        found.give_up_proof();
        found.faults.extend(awaited.map(|noted| LogFault::NotAsNoted(noted.number)));
        let end = before.as_ref().map(|seal| seal.until);
        found.unsealed = self.seals.count_log_rows_behind(end).await?;
        let now = self.clock.now();
        let overdue = LogPlace { at: now.checked_sub_signed(OVERDUE).unwrap_or(now), id: Uuid::nil() };
        found.is_overdue = !self.seals.log_rows(end, overdue, 1).await?.is_empty();
        found.last = before.map(|seal| KnownSeal { number: seal.number, digest: seal.digest });
        Ok(found)
    }

    /// Compares a seal with the part of the log that it covers. Adds the result to `found`.
    async fn compare(
        &self,
        found: &mut Verification,
        before: Option<&Seal>,
        seal: &Seal,
        removed_before: Option<Instant>,
    ) -> Result<(), StoreError> {
        let expected = before.map_or(1, |before| before.number.saturating_add(1));
        if seal.number != expected {
            // The part of this seal begins where the part of the missing seal ended. That place is unknown, so the rows
            // cannot be checked.
            found.give_up_proof();
            let last = seal.number.saturating_sub(1);
            found.faults.push(LogFault::MissingSeals { first: expected, last });
            return Ok(());
        }
        let after = before.map(|before| before.until);
        if removed_before.is_some_and(|moment| after.is_none_or(|place| place.at < moment)) {
            found.unproven = None;
            found.removed = found.removed.saturating_add(1);
            return Ok(());
        }
        let wanted = u32::try_from(seal.rows).unwrap_or(u32::MAX).min(SEALED_AT_ONCE);
        let rows = self.seals.log_rows(after, seal.until, wanted.saturating_add(1)).await?;
        let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let part =
            || SealedPart { number: seal.number, after: after.map(|place| place.at), until: seal.until.at };
        let fault = if count < seal.rows {
            LogFault::MissingRows { part: part(), missing: seal.rows.saturating_sub(count), rows: seal.rows }
        } else if count > seal.rows {
            LogFault::AddedRows(part())
        } else if seal.is_over(&rows, before, &*self.maker) {
            found.rows = found.rows.saturating_add(count);
            found.seals = found.seals.saturating_add(1);
            return Ok(());
        } else {
            LogFault::Changed(part())
        };
        found.give_up_proof();
        found.faults.push(fault);
        Ok(())
    }
}

impl Verification {
    /// Records whether the tag of the seal was made with a known key. If so, the seal also proves the pending earlier
    /// seals, because its digest covers their digests.
    const fn note_proof(&mut self, seal: &Seal, is_proven: bool) {
        self.unproven = match self.unproven {
            _ if is_proven => None,
            None => Some((seal.number, seal.number)),
            Some((first, _)) => Some((first, seal.number)),
        };
    }

    /// Adds the pending unproven seals to `faults`, because no later seal can prove them.
    fn give_up_proof(&mut self) {
        let unproven = self.unproven.take();
        self.faults.extend(unproven.map(|(first, last)| LogFault::Unproven { first, last }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::doubles::World;

    const CHANGE_ROW_5: &str = "UPDATE audit_log SET action = 'nothing' WHERE rowid = 5";

    /// Writes ten rows with four seals, runs `sql`, and verifies the log.
    async fn tampered(sql: &str) -> Verification {
        let world = World::new().await;
        world.add_sealed(&[3, 3, 2, 2]).await;
        world.tamper(sql).await;
        world.verified().await
    }

    /// Returns the messages of the faults.
    fn told(found: &Verification) -> Vec<String> {
        found.faults.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn an_unchanged_log_is_verified() {
        let empty = World::new().await.verified().await;
        assert_eq!(empty, Verification::default());
        let world = World::new().await;
        world.add_sealed(&[3, 3, 2, 2]).await;
        world.add_rows(5).await;
        let found = world.verified().await;
        assert_eq!((found.rows, found.seals, found.unsealed, found.is_overdue), (10, 4, 5, false));
        assert_eq!(told(&found), [""; 0]);
        assert_eq!(
            found.last.unwrap(),
            KnownSeal { number: 4, digest: world.seals().await[3].digest.clone() }
        );
    }

    #[tokio::test]
    async fn a_changed_row_breaks_its_seal_and_no_other() {
        let found = tampered(CHANGE_ROW_5).await;
        assert_eq!(
            told(&found),
            ["seal 2 (rows from 2026-11-22T10:01:00.250000Z until 2026-11-22T10:12:00.250000Z): \
              a row of it, or the seal itself, was changed"]
        );
        assert_eq!((found.rows, found.seals), (7, 3));
    }

    #[tokio::test]
    async fn missing_added_and_moved_rows_are_reported() {
        let found = tampered("DELETE FROM audit_log WHERE rowid <= 2").await;
        assert_eq!(
            told(&found),
            ["seal 1 (rows until 2026-11-22T10:01:00.250000Z): 2 of its 3 rows are missing"]
        );
        let late = "INSERT INTO audit_log (id, created_at, action) \
            SELECT zeroblob(16), created_at, 'late' FROM audit_log WHERE rowid = 10";
        assert!(told(&tampered(late).await)[0].ends_with("rows were added to it after it was sealed"));
        // Row 1 is moved by 15 minutes, into the part of seal 3.
        let moved =
            tampered("UPDATE audit_log SET created_at = created_at + 900000000 WHERE rowid = 1").await;
        assert_eq!(told(&moved).len(), 2, "{moved:?}");
    }

    #[tokio::test]
    async fn missing_seals_are_reported() {
        let found = tampered("DELETE FROM audit_seals WHERE number = 3").await;
        assert_eq!(told(&found), ["seal 3 is missing"]);
        assert_eq!((found.rows, found.seals), (6, 2));
        let found = tampered("DELETE FROM audit_seals WHERE number <= 2").await;
        assert_eq!(told(&found), ["seals 1 to 2 are missing"]);
        assert_eq!((found.rows, found.seals), (2, 1), "seal 3 cannot be checked without the end of seal 2");
    }

    #[tokio::test]
    async fn sealing_again_requires_the_key() {
        let world = World::new().await;
        world.add_sealed(&[3, 3, 2, 2]).await;
        world.tamper(CHANGE_ROW_5).await;
        world.tamper("DELETE FROM audit_seals WHERE number > 1").await;
        let forger = world.with_keys(&["forged"]);
        forger.log.seal().await.unwrap();
        let world = forger.with_keys(&["new"]);
        assert_eq!(
            told(&world.verified().await),
            ["seal 2 was made with a key that is not known, or forged"]
        );
        // The tag of the next seal is made with a known key. But this seal does not prove the earlier seals, because
        // its own rows were changed.
        world.add_sealed(&[1]).await;
        world.tamper("UPDATE audit_log SET action = 'nothing' WHERE rowid = 11").await;
        let found = told(&world.verified().await);
        assert_eq!(found.len(), 2, "{found:?}");
    }

    #[tokio::test]
    async fn seals_made_with_an_unknown_key_are_proven_by_later_seals() {
        let world = World::new().await.with_keys(&["old"]);
        world.add_sealed(&[3, 3]).await;
        let world = world.with_keys(&["new", "old"]);
        assert_eq!(told(&world.verified().await), [""; 0]);
        let world = world.with_keys(&["new"]);
        let unproven = "seals 1 to 2 were made with a key that is not known, or forged";
        assert_eq!(told(&world.verified().await), [unproven]);
        world.add_sealed(&[2]).await;
        assert_eq!(told(&world.verified().await), [""; 0]);
        world.tamper(CHANGE_ROW_5).await;
        assert!(
            told(&world.verified().await)[0].starts_with("seal 1 was made"),
            "no later seal proves the first one"
        );
    }

    #[tokio::test]
    async fn a_recorded_seal_reveals_a_truncated_or_rewritten_log() {
        let world = World::new().await;
        world.add_sealed(&[3, 3, 2, 2]).await;
        let noted: KnownSeal = world.verified().await.last.unwrap().to_string().parse().unwrap();
        let known = Known { seal: Some(noted), ..Known::default() };
        assert_eq!(world.log.verify(&known).await.unwrap().faults, []);
        world.tamper("DELETE FROM audit_seals WHERE number > 2").await;
        world.tamper("DELETE FROM audit_log WHERE rowid > 7").await;
        assert_eq!(world.log.verify(&known).await.unwrap().faults, [LogFault::NotAsNoted(4)]);
        world.add_sealed(&[1, 1]).await;
        assert_eq!(world.verified().await.faults, [], "only a recorded seal reveals that rows were removed");
        assert_eq!(world.log.verify(&known).await.unwrap().faults, [LogFault::NotAsNoted(4)]);
        for bad in ["", "4", "4:", ":ab", "x:ab", "4:xyz"] {
            assert_eq!(bad.parse::<KnownSeal>(), Err(MalformedKnownSeal), "{bad}");
        }
    }

    #[tokio::test]
    async fn deliberately_removed_rows_are_not_reported() {
        let world = World::new().await;
        world.add_sealed(&[3, 3, 2, 2]).await;
        let moment = world.store.rows().await.audit[4].at + TimeDelta::minutes(1);
        world.tamper("DELETE FROM audit_log WHERE rowid <= 6").await;
        assert_eq!(world.verified().await.faults.len(), 2);
        let known = Known { removed_before: Some(moment), ..Known::default() };
        let found = world.log.verify(&known).await.unwrap();
        assert_eq!((found.faults, found.removed, found.seals, found.rows), (vec![], 2, 2, 4));
        world.tamper("UPDATE audit_log SET action = 'nothing' WHERE rowid = 7").await;
        assert_eq!(world.log.verify(&known).await.unwrap().faults.len(), 1);
    }

    #[tokio::test]
    async fn unsealed_old_rows_are_reported() {
        let world = World::new().await;
        world.add_rows(2).await;
        world.minutes_pass(60);
        assert!(!world.verified().await.is_overdue);
        world.minutes_pass(1);
        let found = world.verified().await;
        assert_eq!((found.unsealed, found.is_overdue, found.faults), (2, true, vec![]));
    }
}
