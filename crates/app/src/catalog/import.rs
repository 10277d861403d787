use std::collections::HashMap;

use chrono::Datelike;
use domain::{
    catalog::{
        CatalogUnit, Facts, InvalidMovie, Movie, MovieIdentity, NameKind, ProposedName, ResolvedNames,
    },
    id::{CertificationId, DirectorId, GenreId, Id, Kind, StarId},
    store::StoreError,
    text::fold,
    time::Instant,
};
use uuid::Uuid;

use super::Catalog;

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportOutcome {
    /// A new movie.
    Added,
    /// A movie that was there, with other facts.
    Updated,
    /// A movie that was there, with the same facts.
    Unchanged,
    /// It breaks a rule.
    Rejected(InvalidMovie),
}

/// An import stopped. What was imported before stays.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How often an import begins anew because another one added the same movies at the same moment.
const TRIES: u32 = 5;

type Resolved = HashMap<(NameKind, String), Uuid>;

impl Catalog {
    /// Brings movies in, in one transaction: adds what is new by (name, year, duration), takes over what differs, and says
    /// of each row, in order, what became of it. Idempotent. With `dry_run` all of it is tried and nothing kept.
    ///
    /// # Errors
    /// See [`ImportError`].
    pub async fn import(&self, rows: Vec<Facts>, dry_run: bool) -> Result<Vec<ImportOutcome>, ImportError> {
        let now = self.clock.now();
        let tidied: Vec<_> = rows.into_iter().map(|facts| facts.tidy(now.year())).collect();
        for _ in 0..TRIES {
            if let Some(outcomes) = self.try_import(&tidied, dry_run, now).await? {
                return Ok(outcomes);
            }
        }
        Err(StoreError::unavailable("others kept adding the same movies while they were imported").into())
    }

    /// `None`: another import added one of the movies at the same moment, so that nothing was kept.
    async fn try_import(
        &self,
        tidied: &[Result<Facts, InvalidMovie>],
        dry_run: bool,
        now: Instant,
    ) -> Result<Option<Vec<ImportOutcome>>, StoreError> {
        let mut unit = self.store.begin().await?;
        let names = self.resolve(&mut *unit, tidied.iter().flatten()).await?;
        let identities: Vec<MovieIdentity> =
            tidied.iter().flatten().map(|facts| facts.identity.clone()).collect();
        let known = unit.movies().find_by_identities(&identities).await?;
        let mut known: HashMap<_, _> =
            known.into_iter().map(|movie| (movie.identity.clone(), (movie, false))).collect();

        let mut outcomes = Vec::with_capacity(tidied.len());
        let mut order = Vec::new();
        let mut changed = Vec::new();
        for facts in tidied {
            outcomes.push(match facts {
                Err(fault) => ImportOutcome::Rejected(*fault),
                Ok(facts) => self.take_in(facts.clone(), &names, &mut known, &mut order, &mut changed, now),
            });
        }
        // One order for everybody: two imports at once do not wait for each other in a circle.
        for identities in [&mut order, &mut changed] {
            identities.sort_by(|left, right| {
                (&left.name, left.year, left.duration_minutes).cmp(&(
                    &right.name,
                    right.year,
                    right.duration_minutes,
                ))
            });
        }
        let added: Vec<Movie> =
            order.iter().filter_map(|identity| known.get(identity)).map(|(movie, _)| movie.clone()).collect();
        if unit.movies().insert_many(&added).await?.len() < added.len() {
            return Ok(None);
        }
        for identity in changed {
            if let Some((movie, _)) = known.get(&identity) {
                unit.movies().update(movie).await?;
            }
        }
        if !dry_run {
            unit.commit().await?;
        }
        Ok(Some(outcomes))
    }

    /// Adds or revises one movie in `known`, where a new one is marked; a movie that stands twice in a batch is revised.
    fn take_in(
        &self,
        facts: Facts,
        names: &Resolved,
        known: &mut HashMap<MovieIdentity, (Movie, bool)>,
        added: &mut Vec<MovieIdentity>,
        changed: &mut Vec<MovieIdentity>,
        now: Instant,
    ) -> ImportOutcome {
        let resolved = resolved_names(&facts, names);
        let identity = facts.identity.clone();
        let Some((movie, is_new)) = known.get_mut(&identity) else {
            let movie = Movie::create(self.ids.next(), facts, resolved, now);
            known.insert(identity.clone(), (movie, true));
            added.push(identity);
            return ImportOutcome::Added;
        };
        if !movie.revise(facts, resolved, now) {
            return ImportOutcome::Unchanged;
        }
        if *is_new {
            movie.version = 1;
        } else if !changed.contains(&identity) {
            changed.push(identity);
        }
        ImportOutcome::Updated
    }

    async fn resolve(
        &self,
        unit: &mut dyn CatalogUnit,
        rows: impl Iterator<Item = &Facts> + Clone,
    ) -> Result<Resolved, StoreError> {
        let mut resolved = Resolved::new();
        for kind in [NameKind::Certification, NameKind::Genre, NameKind::Director, NameKind::Star] {
            let mut proposed: HashMap<String, ProposedName> = HashMap::new();
            for name in rows.clone().flat_map(|facts| names_of(facts, kind)) {
                proposed
                    .entry(fold(name))
                    .or_insert_with(|| ProposedName { id: self.ids.uuid(), name: name.clone() });
            }
            // One order for everybody: two imports at once do not wait for each other in a circle.
            let mut keys: Vec<_> = proposed.into_iter().collect();
            keys.sort_by(|(left, _), (right, _)| left.cmp(right));
            let (keys, names): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
            let ids = unit.movies().resolve_names(kind, &names).await?;
            resolved.extend(keys.into_iter().map(|key| (kind, key)).zip(ids));
        }
        Ok(resolved)
    }
}

fn names_of(facts: &Facts, kind: NameKind) -> &[String] {
    match kind {
        NameKind::Genre => &facts.genres,
        NameKind::Star => &facts.stars,
        NameKind::Director => &facts.directors,
        NameKind::Certification => std::slice::from_ref(&facts.certification),
    }
}

fn resolved_names(facts: &Facts, names: &Resolved) -> ResolvedNames {
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
    // Every name of a row was resolved before, its certification too.
    let certification = certifications.first().copied().unwrap_or_else(|| Id::from_uuid(Uuid::nil()));
    ResolvedNames { certification, genres, directors, stars }
}
