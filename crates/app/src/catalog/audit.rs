use domain::{
    accounts::{Actor, Origin},
    audit::{AuditAction, AuditEntry, AuditObject, AuditState},
    catalog::{CatalogUnit, Movie, NameKind, Offer, Poster},
    id::{Id, IdGenerator, Kind, MovieId, UserId},
    store::StoreError,
    time::Instant,
};
use uuid::Uuid;

/// The common data of the audit log entries of one change: who changes the catalogue, and when.
pub(super) struct Cause<'a> {
    pub(super) ids: &'a dyn IdGenerator,
    pub(super) actor: Option<UserId>,
    pub(super) origin: Option<&'a Origin>,
    pub(super) at: Instant,
}

impl<'a> Cause<'a> {
    /// Returns the common data of a change that a moderator requests.
    pub(super) fn request(
        ids: &'a dyn IdGenerator,
        moderator: &Actor,
        origin: &'a Origin,
        at: Instant,
    ) -> Self {
        Self { ids, actor: Some(moderator.user_id), origin: Some(origin), at }
    }

    /// Returns an entry of the audit log with the common data.
    pub(super) fn entry(
        &self,
        action: AuditAction,
        object: AuditObject,
        before: Option<AuditState>,
        after: Option<AuditState>,
    ) -> AuditEntry {
        AuditEntry {
            id: self.ids.next(),
            at: self.at,
            action,
            actor: self.actor,
            object: Some(object),
            before,
            after,
            ip: self.origin.and_then(|origin| origin.device.ip),
            request_id: self.origin.and_then(|origin| origin.request_id.clone()),
        }
    }

    /// Returns the audit log entries of a movie whose offer was changed: one for the price and one for the
    /// availability, each only if it changed.
    pub(super) fn offer_entries(&self, movie: MovieId, before: Offer, after: Offer) -> Vec<AuditEntry> {
        let price = |offer: Offer| AuditState::of([("price", offer.price.to_string())]);
        let availability = |offer: Offer| AuditState::of([("is_available", offer.is_available.to_string())]);
        let changes = [
            (AuditAction::PriceChanged, price(before), price(after)),
            (AuditAction::AvailabilityChanged, availability(before), availability(after)),
        ];
        changes
            .into_iter()
            .filter(|(_, before, after)| before != after)
            .map(|(action, before, after)| {
                self.entry(action, AuditObject::Movie(movie), Some(before), Some(after))
            })
            .collect()
    }
}

/// Returns the fields in which two states of a movie differ, except the offer (price and availability), with their
/// values before and after. A state of `None` means that the movie does not exist.
pub(super) async fn differences(
    unit: &mut dyn CatalogUnit,
    before: Option<&Movie>,
    after: Option<&Movie>,
) -> Result<[AuditState; 2], StoreError> {
    let mut states = [Vec::new(), Vec::new()];
    let empty = || facts_of(None);
    for ((field, old), (_, new)) in
        before.map_or_else(empty, |movie| facts_of(Some(movie))).into_iter().zip(facts_of(after))
    {
        if old != new {
            for (state, value) in states.iter_mut().zip([old, new]) {
                state.extend(value.map(|value| (field, value)));
            }
        }
    }
    for ((field, kind, old), (_, _, new)) in names_of(before).into_iter().zip(names_of(after)) {
        if old != new {
            for (state, ids) in states.iter_mut().zip([old, new]) {
                if !ids.is_empty() {
                    state.push((field, unit.names_of(kind, &ids).await?.join(", ")));
                }
            }
        }
    }
    Ok(states.map(AuditState::of))
}

/// Returns the price and the availability of a movie, for entries about the complete movie.
pub(super) fn offer_of(movie: &Movie) -> [(&'static str, String); 2] {
    [("price", movie.price.to_string()), ("is_available", movie.is_available.to_string())]
}

type Field = (&'static str, Option<String>);

fn facts_of(movie: Option<&Movie>) -> [Field; 13] {
    fn text<T: ToString>(value: Option<T>) -> Option<String> {
        value.map(|value| value.to_string())
    }
    let poster = movie.and_then(|movie| movie.poster.as_ref()).map(|poster| match poster {
        Poster::Address(address) => address.clone(),
        Poster::Uploaded(poster) => format!("uploaded {}", poster.id),
    });
    [
        ("name", movie.map(|movie| movie.identity.name.clone())),
        ("year", text(movie.map(|movie| movie.identity.year))),
        ("duration_minutes", text(movie.map(|movie| movie.identity.duration_minutes))),
        ("imdb", text(movie.map(|movie| movie.imdb))),
        ("votes", text(movie.map(|movie| movie.votes))),
        ("meta_score", text(movie.and_then(|movie| movie.meta_score))),
        ("gross", text(movie.and_then(|movie| movie.gross))),
        ("description", movie.map(|movie| movie.description.clone())),
        ("poster_url", poster),
        ("trailer_url", movie.and_then(|movie| movie.trailer_url.clone())),
        ("imdb_id", movie.and_then(|movie| movie.imdb_id.clone())),
        ("tmdb_id", text(movie.and_then(|movie| movie.tmdb_id))),
        ("sort_name", movie.and_then(|movie| movie.sort_name.clone())),
    ]
}

fn names_of(movie: Option<&Movie>) -> [(&'static str, NameKind, Vec<Uuid>); 4] {
    fn uuids<K: Kind>(ids: Option<&Vec<Id<K>>>) -> Vec<Uuid> {
        ids.into_iter().flatten().map(Id::as_uuid).collect()
    }
    let certification = movie.map(|movie| movie.certification_id.as_uuid());
    [
        ("certification", NameKind::Certification, certification.into_iter().collect()),
        ("genres", NameKind::Genre, uuids(movie.map(|movie| &movie.genre_ids))),
        ("directors", NameKind::Director, uuids(movie.map(|movie| &movie.director_ids))),
        ("stars", NameKind::Star, uuids(movie.map(|movie| &movie.star_ids))),
    ]
}
