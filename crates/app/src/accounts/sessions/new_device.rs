use domain::{
    accounts::{KnownDevice, Session, SessionUnit, User},
    entropy::PlainToken,
    store::StoreError,
    time::Instant,
};

use super::Sessions;

impl Sessions {
    /// Stores the device of a new session as known. Notifies the owner by mail when the device was unknown, except for
    /// the user's first device.
    pub(super) async fn note_device(
        &self,
        unit: &mut dyn SessionUnit,
        user: &User,
        session: &Session,
        now: Instant,
    ) -> Result<(), StoreError> {
        // The fingerprint includes the user, so that the digests of two users do not reveal that they use the same
        // device.
        let fingerprint = format!("{} {}", user.id, session.device.fingerprint());
        let device = self.tokens.digest(&PlainToken::new(fingerprint));
        if unit.touch_device(user.id, &device, now).await? {
            return Ok(());
        }
        let is_first = !unit.has_known_devices(user.id).await?;
        let known = KnownDevice { user_id: user.id, device, first_seen_at: now, last_seen_at: now };
        unit.insert_device(&known).await?;
        if is_first { Ok(()) } else { self.recorder.tell_new_device(unit, user, session, now).await }
    }
}
