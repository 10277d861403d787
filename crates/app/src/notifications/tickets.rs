use chrono::TimeDelta;
use domain::{
    accounts::{AccessError, Actor},
    entropy::{PlainToken, TokenDigest},
    id::{SessionId, UserId},
    notifications::StreamTicket,
    store::{Attempt, StoreError, retried},
    time::Instant,
};

use super::Notifications;

/// How long after its creation a ticket can be used.
const TICKET_LIFETIME: TimeDelta = TimeDelta::seconds(60);

/// A new ticket: a secret with which the client can open one live stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedTicket {
    /// The ticket.
    pub ticket: PlainToken,
    /// When the ticket expires.
    pub expires_at: Instant,
}

/// Why a ticket does not open a stream.
#[derive(Debug, thiserror::Error)]
pub enum TicketError {
    /// The ticket is unknown, was used before, or has expired, or its session has ended.
    #[error("the ticket is unknown, was used or has expired, or its session has ended")]
    Invalid,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Notifications {
    /// Creates a ticket that opens one live stream of the actor's notifications.
    ///
    /// # Errors
    /// See [`AccessError`].
    pub async fn issue_ticket(&self, actor: Actor) -> Result<IssuedTicket, AccessError> {
        let ticket = self.tokens.generate();
        let digest = self.tokens.digest(&ticket);
        let expires_at = retried(&*self.backoff, |attempt| self.try_issue(attempt, actor, &digest)).await?;
        Ok(IssuedTicket { ticket, expires_at })
    }

    async fn try_issue(
        &self,
        attempt: Attempt,
        actor: Actor,
        digest: &TokenDigest,
    ) -> Result<Instant, AccessError> {
        let now = self.clock.now();
        let expires_at = now.checked_add_signed(TICKET_LIFETIME).unwrap_or(now);
        let mut unit = self.store.begin_own(attempt, &actor).await?;
        let ticket = StreamTicket {
            id: self.ids.next(),
            user_id: actor.user_id,
            session_id: actor.session_id,
            digest: digest.clone(),
            expires_at,
        };
        unit.insert_stream_ticket(&ticket, now).await?;
        unit.commit().await?;
        Ok(expires_at)
    }

    /// Consumes a ticket; returns the user and the session of the stream that it opens.
    ///
    /// # Errors
    /// See [`TicketError`].
    pub async fn use_ticket(&self, ticket: &PlainToken) -> Result<(UserId, SessionId), TicketError> {
        let digest = self.tokens.digest(ticket);
        let taken = retried(&*self.backoff, |attempt| self.try_take(attempt, &digest)).await?;
        let now = self.clock.now();
        let ticket = taken.filter(|ticket| now < ticket.expires_at).ok_or(TicketError::Invalid)?;
        let live = self.queries.live_sessions_among(&[ticket.session_id], now).await?;
        if live.is_empty() {
            return Err(TicketError::Invalid);
        }
        Ok((ticket.user_id, ticket.session_id))
    }

    async fn try_take(
        &self,
        attempt: Attempt,
        digest: &TokenDigest,
    ) -> Result<Option<StreamTicket>, StoreError> {
        let mut unit = self.store.begin_notifications(attempt).await?;
        let taken = unit.take_stream_ticket(digest).await?;
        unit.commit().await?;
        Ok(taken)
    }
}
