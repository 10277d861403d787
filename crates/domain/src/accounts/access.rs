use crate::{
    accounts::{AccessError, Authority, SessionRepository, UserRepository},
    store::{Attempt, UnitsOfWork},
};

/// Begins a unit of work for an actor: locks the users that the authority names, then checks the actor's current role
/// and state. A unit that changes a user's role or state, or deletes the user, also locks the user, so it happens
/// either before or after this unit.
///
/// Every area's store calls this to begin units for actors.
///
/// # Errors
/// See [`AccessError`]. After an error nothing stays locked.
pub async fn begin_as<D>(
    database: &D,
    attempt: Attempt,
    authority: &Authority,
) -> Result<D::Unit, AccessError>
where
    D: UnitsOfWork<Unit: UserRepository + SessionRepository> + ?Sized,
{
    let mut unit = database.begin(attempt).await?;
    let locked = unit.find_users_for_update(authority.locks()).await?;
    let session = unit.find_session(authority.session_id()).await?;
    authority.check(&locked, session.as_ref())?;
    Ok(unit)
}
