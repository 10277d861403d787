use std::collections::HashMap;

use domain::{
    catalog::{CatalogUnit, Facts, NameKind, ProposedName, ResolvedNames},
    id::{CertificationId, DirectorId, GenreId, Id, Kind, StarId},
    store::StoreError,
    text::fold,
};
use uuid::Uuid;

use super::Catalog;

/// A name that was added, and its kind.
pub(super) type NewName = (NameKind, ProposedName);

/// The identifiers of names, by kind and folded name (without differences of case and accents).
pub(super) type Resolved = HashMap<(NameKind, String), Uuid>;

impl Catalog {
    /// Returns the identifiers of all names that `names` lists for each kind, and the names that were added because
    /// they did not exist.
    pub(super) async fn resolve<'a, I>(
        &self,
        unit: &mut dyn CatalogUnit,
        names: impl Fn(NameKind) -> I,
    ) -> Result<(Resolved, Vec<NewName>), StoreError>
    where
        I: Iterator<Item = &'a String>,
    {
        let mut resolved = Resolved::new();
        let mut added = Vec::new();
        for kind in [NameKind::Certification, NameKind::Genre, NameKind::Director, NameKind::Star] {
            let mut proposed: HashMap<String, ProposedName> = HashMap::new();
            for name in names(kind) {
                proposed
                    .entry(fold(name))
                    .or_insert_with(|| ProposedName { id: self.ids.uuid(), name: name.clone() });
            }
            // All transactions add names in the same order, which prevents deadlocks.
            let mut keys: Vec<_> = proposed.into_iter().collect();
            keys.sort_by(|(left, _), (right, _)| left.cmp(right));
            let (keys, names): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
            let ids = unit.resolve_names(kind, &names).await?;
            let is_new = |(proposed, id): &(&ProposedName, &Uuid)| proposed.id == **id;
            let new = names.iter().zip(&ids).filter(is_new);
            added.extend(new.map(|(proposed, _)| (kind, proposed.clone())));
            resolved.extend(keys.into_iter().map(|key| (kind, key)).zip(ids));
        }
        Ok((resolved, added))
    }
}

/// Returns the names of this kind in the facts (data) of a movie.
pub(super) fn names_of(facts: &Facts, kind: NameKind) -> &[String] {
    match kind {
        NameKind::Genre => &facts.genres,
        NameKind::Star => &facts.stars,
        NameKind::Director => &facts.directors,
        NameKind::Certification => std::slice::from_ref(&facts.certification),
    }
}

/// Returns the identifiers of the names in the facts. Unresolved names are omitted; an unresolved certification is the
/// nil UUID.
pub(super) fn resolved_names(facts: &Facts, names: &Resolved) -> ResolvedNames {
    fn ids<K: Kind>(facts: &Facts, kind: NameKind, names: &Resolved) -> Vec<Id<K>> {
        names_of(facts, kind)
            .iter()
            .filter_map(|name| names.get(&(kind, fold(name))).copied().map(Id::from_uuid))
            .collect()
    }
    let certifications: Vec<CertificationId> = ids(facts, NameKind::Certification, names);
    let genres: Vec<GenreId> = ids(facts, NameKind::Genre, names);
    let directors: Vec<DirectorId> = ids(facts, NameKind::Director, names);
    let stars: Vec<StarId> = ids(facts, NameKind::Star, names);
    // The certification is unresolved only for a change that does not set it; the movie then keeps its certification.
    let certification = certifications.first().copied().unwrap_or_else(|| Id::from_uuid(Uuid::nil()));
    ResolvedNames { certification, genres, directors, stars }
}
