use crate::{
    accounts::{AccessError, Authority, SessionRepository, UserRepository},
    store::{Attempt, UnitsOfWork},
};

/// Begins a unit of work (one transaction) for an actor: locks the users that the authority names, then checks the
/// actor's current role and state, and that the actor's session has not been ended. A unit of work that changes a
/// user's role or state, or deletes the user, locks the user as well. Such a unit of work can therefore not run while
/// the actor's unit of work runs.
///
/// The store traits of the domain's areas (such as the cart's `CartStore`) call this function to begin units of work
/// for actors. Only `OrderStore::begin_order_as_admin` performs the same steps itself, because it must first find the
/// buyer of the order.
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
