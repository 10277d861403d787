use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl};
use domain::{
    entropy::TokenDigest,
    id::{SessionId, TokenId, UserId},
    notifications::{StreamTicket, StreamTicketRepository},
    store::StoreError,
    time::Instant,
};

use crate::{
    dialect::{DbInstant, DbUuid, SqlId, SqlInstant},
    schema::stream_tickets,
    statement::Statement,
    unit_of_work::UnitOfWork,
};

type TicketTypes = (SqlId, SqlId, SqlId, SqlInstant);
type TicketRow = (DbUuid, DbUuid, DbUuid, DbInstant);

#[async_trait]
impl StreamTicketRepository for UnitOfWork {
    async fn insert_stream_ticket(&mut self, ticket: &StreamTicket, now: Instant) -> Result<(), StoreError> {
        let user_id = DbUuid(ticket.user_id.as_uuid());
        let expired = stream_tickets::table
            .filter(stream_tickets::user_id.eq(user_id))
            .filter(stream_tickets::expires_at.lt(DbInstant(now)));
        self.execute(diesel::delete(expired)).await?;
        let query = diesel::insert_into(stream_tickets::table).values((
            stream_tickets::id.eq(DbUuid(ticket.id.as_uuid())),
            stream_tickets::user_id.eq(user_id),
            stream_tickets::session_id.eq(DbUuid(ticket.session_id.as_uuid())),
            stream_tickets::token.eq(ticket.digest.as_str().to_owned()),
            stream_tickets::expires_at.eq(DbInstant(ticket.expires_at)),
        ));
        self.execute_one(query).await
    }

    async fn take_stream_ticket(&mut self, digest: &TokenDigest) -> Result<Option<StreamTicket>, StoreError> {
        let mut statement = Statement::<TicketTypes>::new("DELETE FROM stream_tickets WHERE token = ");
        statement.bind(digest.as_str().to_owned()).sql(" RETURNING id, user_id, session_id, expires_at");
        let row: Option<TicketRow> = self.first(statement).await?;
        Ok(row.map(|(id, user_id, session_id, expires_at)| StreamTicket {
            id: TokenId::from_uuid(id.0),
            user_id: UserId::from_uuid(user_id.0),
            session_id: SessionId::from_uuid(session_id.0),
            digest: digest.clone(),
            expires_at: expires_at.0,
        }))
    }
}
