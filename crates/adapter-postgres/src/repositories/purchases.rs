use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl};
use domain::{
    id::{MovieId, PurchaseId, UserId},
    purchases::{Entitlement, Purchase, PurchaseRepository},
    store::StoreError,
    time::Instant,
};

use crate::{
    dialect::{DbInstant, DbUuid, SqlId, push_any},
    schema::purchases,
    statement::Statement,
    unit_of_work::UnitOfWork,
};

#[async_trait]
impl PurchaseRepository for UnitOfWork {
    async fn is_purchased(&mut self, user_id: UserId, movie_id: MovieId) -> Result<bool, StoreError> {
        let query = purchases::table
            .filter(purchases::user_id.eq(DbUuid(user_id.as_uuid())))
            .filter(purchases::movie_id.eq(DbUuid(movie_id.as_uuid())))
            .filter(purchases::revoked_at.is_null())
            .select(purchases::id);
        Ok(self.first::<DbUuid, _>(query).await?.is_some())
    }

    async fn purchased_among(
        &mut self,
        user_id: UserId,
        movies: &[MovieId],
    ) -> Result<Vec<MovieId>, StoreError> {
        let mut statement = Statement::<(SqlId,)>::new(
            "SELECT p.movie_id FROM purchases p WHERE p.revoked_at IS NULL AND p.user_id = ",
        );
        statement.bind(user_id.as_uuid()).sql(" AND ");
        push_any(&mut statement, "p.movie_id", movies.iter().map(domain::id::Id::as_uuid).collect());
        let bought: Vec<(DbUuid,)> = self.load(statement).await?;
        Ok(bought.into_iter().map(|(id,)| MovieId::from_uuid(id.0)).collect())
    }

    async fn insert_purchase(&mut self, purchase: &Purchase) -> Result<bool, StoreError> {
        // `ON CONFLICT` has no target: the unique index is partial (it excludes revoked purchases), so a target would
        // have to repeat the condition of the index.
        let query = diesel::insert_into(purchases::table)
            .values((
                purchases::id.eq(DbUuid(purchase.id.as_uuid())),
                purchases::user_id.eq(DbUuid(purchase.user_id.as_uuid())),
                purchases::movie_id.eq(DbUuid(purchase.movie_id.as_uuid())),
                purchases::purchased_at.eq(DbInstant(purchase.purchased_at)),
            ))
            .on_conflict_do_nothing();
        let is_new = self.execute(query).await? == 1;
        if is_new {
            self.queue_popularity(purchase.movie_id).await?;
        }
        Ok(is_new)
    }

    async fn put_entitlement(
        &mut self,
        id: PurchaseId,
        entitlement: Entitlement,
        now: Instant,
    ) -> Result<bool, StoreError> {
        let mut statement = Statement::<()>::new("UPDATE purchases SET revoked_at = ");
        if entitlement == Entitlement::Revoked {
            statement.bind(now).sql(" WHERE revoked_at IS NULL");
        } else {
            statement.sql(
                "NULL WHERE revoked_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM purchases o WHERE \
                 o.user_id = purchases.user_id AND o.movie_id = purchases.movie_id AND o.revoked_at IS NULL)",
            );
        }
        statement.sql(" AND id = ").bind(id.as_uuid());
        if self.execute(statement).await? == 1 {
            let movie =
                purchases::table.filter(purchases::id.eq(DbUuid(id.as_uuid()))).select(purchases::movie_id);
            if let Some(movie) = self.first::<DbUuid, _>(movie).await? {
                self.queue_popularity(MovieId::from_uuid(movie.0)).await?;
            }
        }
        if entitlement == Entitlement::Revoked {
            return Ok(true);
        }
        let mut statement = Statement::<()>::new("UPDATE purchases SET suspended_at = ");
        if entitlement == Entitlement::Suspended {
            statement.sql("COALESCE(suspended_at, ").bind(now).sql(")");
        } else {
            statement.sql("NULL");
        }
        statement.sql(" WHERE revoked_at IS NULL AND id = ").bind(id.as_uuid());
        Ok(self.execute(statement).await? == 1)
    }
}
