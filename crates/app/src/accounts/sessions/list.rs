use domain::{
    accounts::Session,
    id::UserId,
    page::{Page, Position, SortValue},
};

use super::Sessions;
use crate::paging::{ListError, Listing, PageSelection};

impl Sessions {
    /// Returns a page of the active sessions of the user, the most recently used first.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list(&self, user_id: UserId, page: PageSelection) -> Result<Listing<Session>, ListError> {
        // A cursor is valid only with the context for which it was created. The context is never parsed. It must be
        // equal for all pages of a list, and differ between lists.
        let context = format!("sessions {user_id}");
        let request = self.cursors.request(&context, page)?;
        let live = self.queries.live_sessions(user_id, self.clock.now()).await?;
        let used = |session: &Session| SortValue::Integer(session.last_used_at.timestamp_micros());
        let place = |session: &Session| Position { values: vec![used(session)], id: session.id.as_uuid() };
        let page = Page::of_whole(live, &request, place, |session, place| {
            let Some(SortValue::Integer(last_used_at)) = place.values.first() else { return false };
            (session.last_used_at.timestamp_micros(), session.id.as_uuid()) < (*last_used_at, place.id)
        });
        Ok(self.cursors.listing(&context, &request, page))
    }
}
