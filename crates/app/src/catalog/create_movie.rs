use domain::{
    accounts::{AccessError, Actor, Origin},
    audit::{AuditAction, AuditObject, AuditState},
    catalog::{CheckedFacts, Movie, MovieConflicts, MovieDetail},
    id::MovieId,
    store::{Attempt, StoreError, retried},
};

use super::{
    Catalog,
    audit::{Cause, differences, offer_of},
    change_names::names_created,
    resolve::{names_of, resolved_names},
};

/// Why a movie conflicts with another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MovieConflict {
    /// Both movies have the same title, year and running time.
    #[error("another movie has this title, year and running time")]
    Exists,
    /// Both movies have the same IMDb or TMDB identifier.
    #[error("another movie has this identifier at IMDb or TMDB")]
    ExternalIdTaken,
}

impl MovieConflict {
    /// Returns the conflict as an error, if there is one.
    pub(super) fn check(conflicts: MovieConflicts) -> Result<(), Self> {
        if conflicts.identity {
            return Err(Self::Exists);
        }
        if conflicts.external_id { Err(Self::ExternalIdTaken) } else { Ok(()) }
    }
}

/// Why a movie was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateMovieError {
    /// The movie conflicts with another movie.
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
    /// Creates a movie. Genres, people and the certification are created if they do not exist.
    ///
    /// # Errors
    /// See [`CreateMovieError`].
    pub async fn create_movie(
        &self,
        moderator: Actor,
        facts: CheckedFacts,
        origin: &Origin,
    ) -> Result<MovieDetail, CreateMovieError> {
        let id = retried(&*self.backoff, |attempt| {
            self.try_create_movie(attempt, moderator, facts.clone(), origin)
        })
        .await?;
        let created = self.queries.movie_detail(id, Some(moderator.user_id)).await?;
        created.ok_or_else(|| StoreError::unavailable("the movie was deleted at the same time").into())
    }

    async fn try_create_movie(
        &self,
        attempt: Attempt,
        moderator: Actor,
        facts: CheckedFacts,
        origin: &Origin,
    ) -> Result<MovieId, CreateMovieError> {
        let now = self.clock.now();
        let mut unit = self.moderation.begin_as_moderator(attempt, &moderator).await?;
        let (names, added) = self.resolve(&mut *unit, |kind| names_of(&facts, kind).iter()).await?;
        let names = resolved_names(&facts, &names);
        let movie = Movie::create(self.ids.next(), facts, names, now);
        MovieConflict::check(unit.find_movie_conflicts(&movie).await?)?;
        if unit.insert_movies(std::slice::from_ref(&movie)).await?.is_empty() {
            return Err(MovieConflict::Exists.into());
        }
        let [_, after] = differences(&mut *unit, None, Some(&movie)).await?;
        let after = AuditState::of(
            after.fields().map(|(name, text)| (name, text.to_owned())).chain(offer_of(&movie)),
        );
        let cause = Cause::request(&*self.ids, &moderator, origin, now);
        let mut entries = names_created(&cause, &added);
        entries.push(cause.entry(AuditAction::MovieCreated, AuditObject::Movie(movie.id), None, Some(after)));
        unit.append_audit_entries(&entries).await?;
        unit.commit().await?;
        Ok(movie.id)
    }
}
