use domain::{
    accounts::{AccessError, Actor, Origin},
    audit::{AuditAction, AuditEntry, AuditObject, AuditState},
    catalog::{CatalogName, CountedName, NameKind, ProposedName},
    id::Id,
    store::{Attempt, StoreError, retried},
};
use uuid::Uuid;

use super::{Catalog, audit::Cause, resolve::NewName};

/// Why a genre, director, star or certification was not created.
#[derive(Debug, thiserror::Error)]
pub enum CreateNameError {
    /// Another name of this kind is equal, ignoring case and accents.
    #[error("another name of this kind is equal")]
    Taken,
    /// The actor may not change the catalogue.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a genre, director, star or certification was not renamed.
#[derive(Debug, thiserror::Error)]
pub enum RenameError {
    /// There is no name of this kind with this identifier.
    #[error("there is no such name")]
    NotFound,
    /// Another name of this kind is equal, ignoring case and accents.
    #[error("another name of this kind is equal")]
    Taken,
    /// The actor may not change the catalogue.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a genre, director, star or certification was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteNameError {
    /// There is no name of this kind with this identifier.
    #[error("there is no such name")]
    NotFound,
    /// A movie, on sale or not, uses the name.
    #[error("a movie uses the name")]
    InUse,
    /// The actor may not change the catalogue.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Catalog {
    /// Creates a genre, director, star or certification. Names that differ only in case or accents are considered
    /// equal.
    ///
    /// # Errors
    /// See [`CreateNameError`].
    pub async fn create_name(
        &self,
        moderator: Actor,
        kind: NameKind,
        name: CatalogName,
        origin: &Origin,
    ) -> Result<CountedName, CreateNameError> {
        retried(&*self.backoff, |attempt| self.try_create_name(attempt, moderator, kind, &name, origin)).await
    }

    async fn try_create_name(
        &self,
        attempt: Attempt,
        moderator: Actor,
        kind: NameKind,
        name: &CatalogName,
        origin: &Origin,
    ) -> Result<CountedName, CreateNameError> {
        let mut unit = self.moderation.begin_as_moderator(attempt, &moderator).await?;
        let (id, name) = (self.ids.uuid(), name.as_str().to_owned());
        let proposed = ProposedName { id, name: name.clone() };
        if unit.resolve_names(kind, &[proposed]).await? != [id] {
            return Err(CreateNameError::Taken);
        }
        let cause = Cause::request(&*self.ids, &moderator, origin, self.clock.now());
        let entry = cause.entry(AuditAction::NameCreated, object(kind, id), None, Some(state(&name)));
        unit.append_audit_entry(&entry).await?;
        unit.commit().await?;
        Ok(CountedName { id, name, movies_count: 0 })
    }

    /// Renames a genre, director, star or certification, and returns it. `None` keeps the name. A new name that differs
    /// from the current one only in case or accents is not a conflict.
    ///
    /// # Errors
    /// See [`RenameError`].
    pub async fn rename(
        &self,
        moderator: Actor,
        kind: NameKind,
        id: Uuid,
        name: Option<CatalogName>,
        origin: &Origin,
    ) -> Result<CountedName, RenameError> {
        let name = name.as_ref();
        retried(&*self.backoff, |attempt| self.try_rename(attempt, moderator, kind, id, name, origin))
            .await?;
        self.names.find_name(kind, id).await?.ok_or(RenameError::NotFound)
    }

    async fn try_rename(
        &self,
        attempt: Attempt,
        moderator: Actor,
        kind: NameKind,
        id: Uuid,
        name: Option<&CatalogName>,
        origin: &Origin,
    ) -> Result<(), RenameError> {
        let mut unit = self.moderation.begin_as_moderator(attempt, &moderator).await?;
        let old = unit.find_name_for_update(kind, id).await?.ok_or(RenameError::NotFound)?;
        let Some(name) = name.map(CatalogName::as_str).filter(|name| *name != old) else { return Ok(()) };
        if unit.is_name_taken(kind, id, name).await? {
            return Err(RenameError::Taken);
        }
        unit.update_name(kind, id, name).await?;
        let cause = Cause::request(&*self.ids, &moderator, origin, self.clock.now());
        let (before, after) = (Some(state(&old)), Some(state(name)));
        let entry = cause.entry(AuditAction::NameChanged, object(kind, id), before, after);
        unit.append_audit_entry(&entry).await?;
        unit.commit().await?;
        Ok(())
    }

    /// Deletes a genre, director, star or certification that no movie uses.
    ///
    /// # Errors
    /// See [`DeleteNameError`].
    pub async fn delete_name(
        &self,
        moderator: Actor,
        kind: NameKind,
        id: Uuid,
        origin: &Origin,
    ) -> Result<(), DeleteNameError> {
        retried(&*self.backoff, |attempt| self.try_delete_name(attempt, moderator, kind, id, origin)).await
    }

    async fn try_delete_name(
        &self,
        attempt: Attempt,
        moderator: Actor,
        kind: NameKind,
        id: Uuid,
        origin: &Origin,
    ) -> Result<(), DeleteNameError> {
        let mut unit = self.moderation.begin_as_moderator(attempt, &moderator).await?;
        let name = unit.find_name_for_update(kind, id).await?.ok_or(DeleteNameError::NotFound)?;
        if unit.has_movies(kind, id).await? {
            return Err(DeleteNameError::InUse);
        }
        unit.delete_name(kind, id).await?;
        let cause = Cause::request(&*self.ids, &moderator, origin, self.clock.now());
        let entry = cause.entry(AuditAction::NameDeleted, object(kind, id), Some(state(&name)), None);
        unit.append_audit_entry(&entry).await?;
        unit.commit().await?;
        Ok(())
    }
}

/// Returns the audit log entries about names that were added with a movie.
pub(super) fn names_created(cause: &Cause<'_>, added: &[NewName]) -> Vec<AuditEntry> {
    let entry = |(kind, name): &NewName| {
        cause.entry(AuditAction::NameCreated, object(*kind, name.id), None, Some(state(&name.name)))
    };
    added.iter().map(entry).collect()
}

/// Returns the name as the object of an audit log entry.
const fn object(kind: NameKind, id: Uuid) -> AuditObject {
    match kind {
        NameKind::Genre => AuditObject::Genre(Id::from_uuid(id)),
        NameKind::Star => AuditObject::Star(Id::from_uuid(id)),
        NameKind::Director => AuditObject::Director(Id::from_uuid(id)),
        NameKind::Certification => AuditObject::Certification(Id::from_uuid(id)),
    }
}

fn state(name: &str) -> AuditState {
    AuditState::of([("name", name)])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use domain::accounts::{Device, Role};

    use super::*;
    use crate::{
        catalog::doubles::{MockNames, catalog},
        doubles::{
            fixtures::{facts, user},
            storage::TestStorage,
        },
    };

    const MO: Actor = Actor { role: Role::Moderator, ..user(0xC) };

    fn origin() -> Origin {
        Origin { device: Device::default(), request_id: None }
    }

    /// A catalogue with a moderator, in which `find_name` finds a name for every identifier.
    async fn moderated() -> (Catalog, Arc<TestStorage>) {
        let (catalog, store) = catalog().await;
        store.add_user(MO).await;
        let mut names = MockNames::new();
        names
            .expect_find_name()
            .returning(|_, id| Ok(Some(CountedName { id, name: "Any".to_owned(), movies_count: 0 })));
        (Catalog { names: Arc::new(names), ..catalog }, store)
    }

    fn named(name: &str) -> CatalogName {
        CatalogName::parse(name).unwrap()
    }

    #[tokio::test]
    async fn a_refused_change_of_a_name_leaves_no_trace() {
        let (catalog, store) = moderated().await;
        catalog.import(vec![facts("Stalker").into()], false).await.unwrap();
        let star = catalog.create_name(MO, NameKind::Star, named("Ann"), &origin()).await.unwrap().id;
        let before = store.rows().await;
        let taken = catalog.create_name(MO, NameKind::Genre, named("DRAMA"), &origin()).await;
        assert!(matches!(taken, Err(CreateNameError::Taken)));
        let taken = catalog.rename(MO, NameKind::Star, star, Some(named("toshiro mifune")), &origin()).await;
        assert!(matches!(taken, Err(RenameError::Taken)));
        let unknown = catalog.delete_name(MO, NameKind::Genre, star, &origin()).await;
        assert!(matches!(unknown, Err(DeleteNameError::NotFound)));
        assert_eq!(store.rows().await, before);
    }

    #[tokio::test]
    async fn a_change_of_a_name_that_loses_races_is_recorded_once() {
        let (catalog, store) = moderated().await;
        store.lose_commits(2);
        let id = catalog.create_name(MO, NameKind::Genre, named("Noir"), &origin()).await.unwrap().id;
        store.lose_commits(2);
        catalog.rename(MO, NameKind::Genre, id, Some(named("Film noir")), &origin()).await.unwrap();
        store.lose_commits(2);
        catalog.delete_name(MO, NameKind::Genre, id, &origin()).await.unwrap();
        let rows = store.rows().await;
        let told: Vec<_> = rows
            .audit
            .into_iter()
            .map(|AuditEntry { action, object, before, after, .. }| (action, object, before, after))
            .collect();
        let (noir, film_noir) = (state("Noir"), state("Film noir"));
        let genre = Some(object(NameKind::Genre, id));
        assert_eq!(
            told,
            [
                (AuditAction::NameCreated, genre, None, Some(noir.clone())),
                (AuditAction::NameChanged, genre, Some(noir), Some(film_noir.clone())),
                (AuditAction::NameDeleted, genre, Some(film_noir), None),
            ]
        );
    }
}
