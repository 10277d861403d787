use domain::{
    accounts::{AccessError, Actor, Origin},
    audit::{AuditAction, AuditObject},
    catalog::{CheckedPartialFacts, MovieDetail, NameKind, OptionalFact},
    id::MovieId,
    store::{Attempt, StoreError, retried},
};

use super::{
    Catalog,
    audit::{Cause, differences},
    change_names::names_created,
    create_movie::MovieConflict,
    resolve::{names_of, resolved_names},
};

/// The versions of a movie that a change may be applied to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// Any version.
    #[default]
    Any,
    /// Only one of these versions.
    OneOf(Vec<i64>),
}

impl ExpectedVersion {
    /// Returns whether the change may be applied to this version.
    #[must_use]
    pub fn includes(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(versions) => versions.contains(&version),
        }
    }
}

/// Why a movie was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeMovieError {
    /// There is no such movie.
    #[error("no such movie")]
    NotFound,
    /// The movie does not have an expected version, usually because it was changed in the meantime.
    #[error("the movie was changed in the meantime")]
    ChangedSince,
    /// The movie would conflict with another movie.
    #[error(transparent)]
    Conflict(#[from] MovieConflict),
    /// The actor may not change the catalogue.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Catalog {
    /// Changes a movie, if it has an expected version. Genres, people and the certification are created if they
    /// do not exist. A change without effect does not increase the version.
    ///
    /// # Errors
    /// See [`ChangeMovieError`].
    pub async fn change_movie(
        &self,
        moderator: Actor,
        id: MovieId,
        expected: &ExpectedVersion,
        changes: CheckedPartialFacts,
        origin: &Origin,
    ) -> Result<MovieDetail, ChangeMovieError> {
        retried(&*self.backoff, |attempt| {
            self.try_change_movie(attempt, moderator, id, expected, changes.clone(), origin)
        })
        .await?;
        let movie = self.queries.movie_detail(id, Some(moderator.user_id)).await?;
        movie.ok_or(ChangeMovieError::NotFound)
    }

    async fn try_change_movie(
        &self,
        attempt: Attempt,
        moderator: Actor,
        id: MovieId,
        expected: &ExpectedVersion,
        changes: CheckedPartialFacts,
        origin: &Origin,
    ) -> Result<(), ChangeMovieError> {
        let now = self.clock.now();
        let mut unit = self.moderation.begin_as_moderator(attempt, &moderator).await?;
        let before = unit.find_movie_for_update(id).await?.ok_or(ChangeMovieError::NotFound)?;
        if !expected.includes(before.version) {
            return Err(ChangeMovieError::ChangedSince);
        }
        let given = |kind| {
            let is_given =
                kind != NameKind::Certification || !changes.absent.contains(OptionalFact::Certification);
            names_of(&changes.facts, kind).iter().filter(move |_| is_given)
        };
        let (names, added) = self.resolve(&mut *unit, given).await?;
        let names = resolved_names(&changes.facts, &names);
        let mut movie = before.clone();
        if !changes.apply_to(&mut movie, names, now) {
            return Ok(());
        }
        MovieConflict::check(unit.find_movie_conflicts(&movie).await?)?;
        unit.update_movie(&movie).await?;
        self.recorder.replaced_poster(&mut *unit, &before, Some(&movie), now).await?;
        let cause = Cause::request(&*self.ids, &moderator, origin, now);
        let mut entries = names_created(&cause, &added);
        entries.extend(cause.offer_entries(id, before.offer(), movie.offer()));
        let [old, new] = differences(&mut *unit, Some(&before), Some(&movie)).await?;
        if old != new {
            entries.push(cause.entry(
                AuditAction::MovieChanged,
                AuditObject::Movie(id),
                Some(old),
                Some(new),
            ));
        }
        unit.append_audit_entries(&entries).await?;
        unit.commit().await?;
        Ok(())
    }
}
