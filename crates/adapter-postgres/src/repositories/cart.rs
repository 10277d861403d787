use async_trait::async_trait;
use diesel::{ExpressionMethods, QueryDsl};
use domain::{
    cart::{CartItem, CartRepository},
    id::{CartId, MovieId, UserId},
    store::StoreError,
};

use crate::{
    dialect::{DbInstant, DbUuid, for_update},
    schema::{cart_items, carts},
    unit_of_work::UnitOfWork,
};

impl UnitOfWork {
    async fn lock_cart(&mut self, user_id: DbUuid) -> Result<Option<CartId>, StoreError> {
        let query = carts::table.filter(carts::user_id.eq(user_id)).select(carts::id);
        let found: Option<DbUuid> = self.first(for_update!(query)).await?;
        Ok(found.map(|id| CartId::from_uuid(id.0)))
    }
}

#[async_trait]
impl CartRepository for UnitOfWork {
    async fn open_cart_for_update(
        &mut self,
        user_id: UserId,
        proposed: CartId,
    ) -> Result<CartId, StoreError> {
        let user_id = DbUuid(user_id.as_uuid());
        if let Some(id) = self.lock_cart(user_id).await? {
            return Ok(id);
        }
        let query = diesel::insert_into(carts::table)
            .values((carts::id.eq(DbUuid(proposed.as_uuid())), carts::user_id.eq(user_id)))
            .on_conflict(carts::user_id)
            .do_nothing();
        if self.execute(query).await? == 1 {
            return Ok(proposed);
        }
        // Another unit of work has created the cart in the meantime.
        self.lock_cart(user_id).await?.ok_or_else(|| StoreError::failed("a new cart was not found"))
    }

    async fn cart_movies(&mut self, cart_id: CartId) -> Result<Vec<MovieId>, StoreError> {
        let query = cart_items::table
            .filter(cart_items::cart_id.eq(DbUuid(cart_id.as_uuid())))
            .order((cart_items::added_at.desc(), cart_items::id.desc()))
            .select(cart_items::movie_id);
        let movies: Vec<DbUuid> = self.load(query).await?;
        Ok(movies.into_iter().map(|id| MovieId::from_uuid(id.0)).collect())
    }

    async fn add_cart_item(&mut self, cart_id: CartId, item: &CartItem) -> Result<bool, StoreError> {
        let query = diesel::insert_into(cart_items::table)
            .values((
                cart_items::id.eq(DbUuid(item.id.as_uuid())),
                cart_items::cart_id.eq(DbUuid(cart_id.as_uuid())),
                cart_items::movie_id.eq(DbUuid(item.movie_id.as_uuid())),
                cart_items::added_at.eq(DbInstant(item.added_at)),
            ))
            .on_conflict((cart_items::cart_id, cart_items::movie_id))
            .do_nothing();
        Ok(self.execute(query).await? == 1)
    }

    async fn remove_cart_item(&mut self, user_id: UserId, movie_id: MovieId) -> Result<bool, StoreError> {
        let cart = carts::table.filter(carts::user_id.eq(DbUuid(user_id.as_uuid()))).select(carts::id);
        let item = cart_items::table
            .filter(cart_items::movie_id.eq(DbUuid(movie_id.as_uuid())))
            .filter(cart_items::cart_id.eq_any(cart));
        Ok(self.execute(diesel::delete(item)).await? > 0)
    }

    async fn clear_cart(&mut self, user_id: UserId) -> Result<(), StoreError> {
        let cart = carts::table.filter(carts::user_id.eq(DbUuid(user_id.as_uuid()))).select(carts::id);
        let items = cart_items::table.filter(cart_items::cart_id.eq_any(cart));
        self.execute(diesel::delete(items)).await?;
        Ok(())
    }
}
