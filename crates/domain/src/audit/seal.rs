use uuid::Uuid;

use crate::time::Instant;

/// Identifies the format of the bytes over which the digest of a [`Seal`] is computed, so that the format can be
/// changed later.
const FORM: &[u8] = b"cinema audit seal 1";

/// The position of an entry in the audit log: entries are ordered by their time, then by their identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPlace {
    /// When the action happened.
    pub at: Instant,
    /// The identifier of the entry.
    pub id: Uuid,
}

/// An entry of the log exactly as it is stored, even if it is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// The position of the entry.
    pub place: LogPlace,
    /// The kind of action.
    pub action: String,
    /// The user who performed the action.
    pub actor: Option<Uuid>,
    /// The kind of the object.
    pub object_kind: Option<String>,
    /// The identifier of the object.
    pub object: Option<Uuid>,
    /// The changed fields before the action.
    pub before: Option<String>,
    /// The changed fields after the action.
    pub after: Option<String>,
    /// The network of the client.
    pub network: Option<String>,
    /// The identifier of the request.
    pub request_id: Option<String>,
}

impl StoredEntry {
    /// Returns the entry as bytes. Different entries have different bytes.
    fn bytes(&self) -> Vec<u8> {
        let micros = self.place.at.timestamp_micros().to_be_bytes();
        let text = |text: &'_ Option<String>| text.as_ref().map(|text| text.as_bytes().to_vec());
        let id = |id: Option<Uuid>| id.map(|id| id.as_bytes().to_vec());
        let fields = [
            id(Some(self.place.id)),
            Some(micros.to_vec()),
            Some(self.action.as_bytes().to_vec()),
            id(self.actor),
            text(&self.object_kind),
            id(self.object),
            text(&self.before),
            text(&self.after),
            text(&self.network),
            text(&self.request_id),
        ];
        let mut bytes = Vec::new();
        for field in fields {
            match field {
                None => bytes.push(0),
                Some(field) => {
                    bytes.push(1);
                    bytes.extend(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
                    bytes.extend(field);
                }
            }
        }
        bytes
    }
}

/// Proves that a part of the log has not changed since it was sealed. The part begins after the part of the previous
/// seal, or at the beginning of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The number of the seal, counted from 1 without gaps.
    pub number: u64,
    /// When the seal was made.
    pub sealed_at: Instant,
    /// The last position of the sealed part.
    pub until: LogPlace,
    /// How many entries the sealed part has.
    pub rows: u64,
    /// The [`SealMaker::digest`] over the seal's number, time, position and count, the digest of the previous seal, and
    /// the sealed entries.
    pub digest: String,
    /// The [`SealMaker::tag`] of the digest.
    pub tag: String,
}

impl Seal {
    /// Seals the entries of the part that ends at `until` and begins after the part of the previous seal (`before`),
    /// or at the beginning of the log.
    #[must_use]
    pub fn over(
        rows: &[StoredEntry],
        until: LogPlace,
        before: Option<&Self>,
        sealed_at: Instant,
        maker: &dyn SealMaker,
    ) -> Self {
        let number = before.map_or(1, |before| before.number.saturating_add(1));
        let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let mut seal =
            Self { number, sealed_at, until, rows: count, digest: String::new(), tag: String::new() };
        seal.digest = seal.digest_over(rows, before, maker);
        seal.tag = maker.tag(&seal.digest);
        seal
    }

    /// Whether the seal was made over exactly these entries and this previous seal. Compares the digest that is
    /// computed from them with the stored digest.
    #[must_use]
    pub fn is_over(&self, rows: &[StoredEntry], before: Option<&Self>, maker: &dyn SealMaker) -> bool {
        self.digest_over(rows, before, maker) == self.digest
    }

    fn digest_over(&self, rows: &[StoredEntry], before: Option<&Self>, maker: &dyn SealMaker) -> String {
        let (number, count) = (self.number.to_be_bytes(), self.rows.to_be_bytes());
        let (made, until) = (self.sealed_at.timestamp_micros(), self.until.at.timestamp_micros());
        let (made, until) = (made.to_be_bytes(), until.to_be_bytes());
        let head: [&[u8]; 7] = [
            FORM,
            &number,
            before.map_or(b"", |before| before.digest.as_bytes()),
            &made,
            &until,
            self.until.id.as_bytes(),
            &count,
        ];
        let rows: Vec<Vec<u8>> = rows.iter().map(StoredEntry::bytes).collect();
        let parts: Vec<&[u8]> = head.into_iter().chain(rows.iter().map(Vec::as_slice)).collect();
        maker.digest(&parts)
    }
}

/// Computes the digests and tags of seals.
pub trait SealMaker: Send + Sync {
    /// The SHA-256 of the parts, in lower-case hexadecimal. MUST differ when a boundary between parts moves.
    fn digest(&self, parts: &[&[u8]]) -> String;
    /// A message authentication code over the digest, in lower-case hexadecimal, which only this service can compute.
    fn tag(&self, digest: &str) -> String;
    /// Whether the tag belongs to the digest, with the current or a previous key. The time of each comparison
    /// MUST NOT depend on the tag.
    fn is_tag(&self, tag: &str, digest: &str) -> bool;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seal maker for tests, which uses readable text.
    struct Plain;

    impl SealMaker for Plain {
        fn digest(&self, parts: &[&[u8]]) -> String {
            format!("{parts:?}")
        }
        fn tag(&self, digest: &str) -> String {
            format!("tag of {digest}")
        }
        fn is_tag(&self, tag: &str, digest: &str) -> bool {
            tag == self.tag(digest)
        }
    }

    fn place(number: u128) -> LogPlace {
        LogPlace { at: Instant::default(), id: Uuid::from_u128(number) }
    }

    fn row() -> StoredEntry {
        StoredEntry {
            place: place(1),
            action: "signed_in".to_owned(),
            actor: Some(Uuid::from_u128(2)),
            object_kind: Some("session".to_owned()),
            object: Some(Uuid::from_u128(3)),
            before: Some("{}".to_owned()),
            after: None,
            network: None,
            request_id: Some("request-1".to_owned()),
        }
    }

    #[test]
    fn every_change_of_a_row_is_detected() {
        let changes: [fn(&mut StoredEntry); 13] = [
            |row| row.place.id = Uuid::from_u128(9),
            |row| row.place.at += chrono::TimeDelta::microseconds(1),
            |row| row.action.push('!'),
            |row| row.actor = None,
            |row| row.object_kind = Some(String::new()),
            |row| row.object = Some(Uuid::from_u128(2)),
            |row| row.before = row.after.take(),
            |row| std::mem::swap(&mut row.before, &mut row.after),
            |row| row.after = Some(String::new()),
            |row| row.network = Some("{}".to_owned()),
            |row| row.request_id = Some("request-2".to_owned()),
            |row| row.request_id = None,
            |row| std::mem::swap(&mut row.network, &mut row.request_id),
        ];
        let seal = Seal::over(&[row()], place(5), None, Instant::default(), &Plain);
        assert!(seal.is_over(&[row()], None, &Plain));
        for (number, change) in changes.into_iter().enumerate() {
            let mut other = row();
            change(&mut other);
            assert!(!seal.is_over(&[other], None, &Plain), "change {number}");
        }
    }

    #[test]
    fn a_seal_covers_its_rows_in_order_its_fields_and_the_previous_seal() {
        let first = Seal::over(&[], place(1), None, Instant::default(), &Plain);
        let rows = [row(), StoredEntry { place: place(2), ..row() }];
        let second = Seal::over(&rows, place(5), Some(&first), Instant::default(), &Plain);
        assert_eq!((first.number, first.rows, second.number, second.rows), (1, 0, 2, 2));
        assert!(second.is_over(&rows, Some(&first), &Plain));
        assert!(!second.is_over(&rows[..1], Some(&first), &Plain));
        assert!(!second.is_over(&[rows[1].clone(), rows[0].clone()], Some(&first), &Plain));
        assert!(!second.is_over(&rows, None, &Plain));
        let other = Seal { digest: "another".to_owned(), ..first.clone() };
        assert!(!second.is_over(&rows, Some(&other), &Plain));
        for changed in [
            Seal { number: 3, ..second.clone() },
            Seal { rows: 3, ..second.clone() },
            Seal { until: place(6), ..second.clone() },
            Seal { sealed_at: second.sealed_at + chrono::TimeDelta::microseconds(1), ..second.clone() },
        ] {
            assert!(!changed.is_over(&rows, Some(&first), &Plain), "{changed:?}");
        }
        assert_eq!(second.tag, Plain.tag(&second.digest));
    }
}
