//! Carts in memory.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use domain::{
    accounts::{AccessError, Actor, Role},
    cart::{CartEntry, CartItem, CartQueries, CartRepository, CartStore, CartUnit},
    catalog::{Movie, Offer, OfferRepository, ResolvedNames},
    id::{CartId, Id, MovieId, UserId},
    purchases::{Purchase, PurchaseRepository},
    store::{Attempt, StoreError},
    time::Instant,
};
use uuid::Uuid;

use super::Carts;
use crate::{
    catalog::doubles::{Shelf, facts, price, summary},
    doubles::{CountingIds, MovableClock, NoWait, Races},
};

pub(crate) const ANN: Actor = user(0xA);

/// A signed-in user.
pub(crate) const fn user(number: u128) -> Actor {
    let session_id = Id::from_uuid(Uuid::from_u128(number));
    Actor { user_id: Id::from_uuid(Uuid::from_u128(number)), session_id, role: Role::User }
}

pub(crate) fn movie(number: u128) -> MovieId {
    Id::from_uuid(Uuid::from_u128(number))
}

/// All that is kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rows {
    pub(crate) shelf: Shelf,
    pub(crate) carts: Vec<(CartId, UserId)>,
    pub(crate) items: Vec<(CartId, CartItem)>,
    pub(crate) purchases: Vec<Purchase>,
}

/// Keeps carts in memory.
#[derive(Default)]
pub(crate) struct MemoryCarts {
    rows: Arc<Mutex<Rows>>,
    pub(crate) fails_on_commit: AtomicBool,
    pub(crate) races: Arc<Races>,
}

impl MemoryCarts {
    /// What was committed.
    pub(crate) fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap()
    }

    /// Puts movies 1 to `count` on sale, each for 9.99 dollars.
    pub(crate) fn with_movies(count: u128) -> Self {
        let carts = Self::default();
        carts.rows().shelf.movies = (1..=count)
            .map(|number| {
                let names = ResolvedNames {
                    certification: Id::from_uuid(Uuid::nil()),
                    genres: Vec::new(),
                    directors: Vec::new(),
                    stars: Vec::new(),
                };
                Movie::create(
                    movie(number),
                    facts(&number.to_string()).check(2026).unwrap(),
                    names,
                    Instant::default(),
                )
            })
            .collect();
        carts
    }

    pub(crate) fn withdraw(&self, id: MovieId) {
        self.rows().shelf.movies.iter_mut().find(|movie| movie.id == id).unwrap().is_available = false;
    }

    pub(crate) fn sell(&self, buyer: Actor, movie_id: MovieId) {
        let user_id = buyer.user_id;
        let purchase =
            Purchase { id: Id::from_uuid(Uuid::nil()), user_id, movie_id, purchased_at: Instant::default() };
        self.rows().purchases.push(purchase);
    }
}

/// The use cases on `store`, with dollars.
pub(crate) fn carts_on(store: &Arc<MemoryCarts>) -> Carts {
    Carts {
        store: store.clone(),
        queries: store.clone(),
        clock: Arc::new(MovableClock::default()),
        backoff: Arc::new(NoWait),
        ids: Arc::new(CountingIds::default()),
        currency: price("0").currency(),
    }
}

#[async_trait]
impl CartStore for MemoryCarts {
    async fn begin_own(&self, _attempt: Attempt, _owner: &Actor) -> Result<Box<dyn CartUnit>, AccessError> {
        let fails_on_commit = self.fails_on_commit.load(Ordering::Relaxed);
        let races = self.races.clone();
        Ok(Box::new(Unit { rows: self.rows.clone(), draft: self.rows().clone(), fails_on_commit, races }))
    }
}

struct Unit {
    rows: Arc<Mutex<Rows>>,
    draft: Rows,
    fails_on_commit: bool,
    races: Arc<Races>,
}

#[async_trait]
impl domain::store::Unit for Unit {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.races.run()?;
        if self.fails_on_commit {
            return Err(StoreError::failed("the disk is full"));
        }
        *self.rows.lock().unwrap() = self.draft;
        Ok(())
    }
}

impl Unit {
    fn cart_of(&self, user_id: UserId) -> Option<CartId> {
        self.draft.carts.iter().find(|(_, owner)| *owner == user_id).map(|(id, _)| *id)
    }
}

#[async_trait]
impl CartRepository for Unit {
    async fn open_cart_for_update(
        &mut self,
        user_id: UserId,
        proposed: CartId,
    ) -> Result<CartId, StoreError> {
        if let Some(id) = self.cart_of(user_id) {
            return Ok(id);
        }
        self.draft.carts.push((proposed, user_id));
        Ok(proposed)
    }
    async fn cart_contains(&mut self, cart_id: CartId, movie_id: MovieId) -> Result<bool, StoreError> {
        Ok(self.draft.items.iter().any(|(id, item)| *id == cart_id && item.movie_id == movie_id))
    }
    async fn cart_movies(&mut self, cart_id: CartId) -> Result<Vec<MovieId>, StoreError> {
        let items = self.draft.items.iter().rev().filter(|(id, _)| *id == cart_id);
        Ok(items.map(|(_, item)| item.movie_id).collect())
    }
    async fn count_cart_items(&mut self, cart_id: CartId) -> Result<u64, StoreError> {
        Ok(u64::try_from(self.draft.items.iter().filter(|(id, _)| *id == cart_id).count()).unwrap())
    }
    async fn add_cart_item(&mut self, cart_id: CartId, item: &CartItem) -> Result<bool, StoreError> {
        if self.cart_contains(cart_id, item.movie_id).await? {
            return Ok(false);
        }
        self.draft.items.push((cart_id, *item));
        Ok(true)
    }
    async fn remove_cart_item(&mut self, user_id: UserId, movie_id: MovieId) -> Result<bool, StoreError> {
        let cart_id = self.cart_of(user_id);
        let before = self.draft.items.len();
        self.draft.items.retain(|(id, item)| Some(*id) != cart_id || item.movie_id != movie_id);
        Ok(self.draft.items.len() < before)
    }
    async fn clear_cart(&mut self, user_id: UserId) -> Result<(), StoreError> {
        let cart_id = self.cart_of(user_id);
        self.draft.items.retain(|(id, _)| Some(*id) != cart_id);
        Ok(())
    }
}

#[async_trait]
impl OfferRepository for Unit {
    async fn find_offer(&mut self, id: MovieId) -> Result<Option<Offer>, StoreError> {
        Ok(self.draft.shelf.movies.iter().find(|movie| movie.id == id).map(Movie::offer))
    }
    async fn find_offers(&mut self, ids: &[MovieId]) -> Result<Vec<(MovieId, Offer)>, StoreError> {
        let movies = self.draft.shelf.movies.iter().filter(|movie| ids.contains(&movie.id));
        Ok(movies.map(|movie| (movie.id, movie.offer())).collect())
    }
}

#[async_trait]
impl PurchaseRepository for Unit {
    async fn is_purchased(&mut self, user_id: UserId, movie_id: MovieId) -> Result<bool, StoreError> {
        Ok(is_purchased(&self.draft, user_id, movie_id))
    }
    async fn purchased_among(
        &mut self,
        user_id: UserId,
        movies: &[MovieId],
    ) -> Result<Vec<MovieId>, StoreError> {
        Ok(movies.iter().copied().filter(|movie_id| is_purchased(&self.draft, user_id, *movie_id)).collect())
    }
    async fn insert_purchase(&mut self, purchase: &Purchase) -> Result<bool, StoreError> {
        let is_new = !is_purchased(&self.draft, purchase.user_id, purchase.movie_id);
        self.draft.purchases.extend(is_new.then_some(*purchase));
        Ok(is_new)
    }
}

fn is_purchased(rows: &Rows, user_id: UserId, movie_id: MovieId) -> bool {
    rows.purchases.iter().any(|bought| bought.user_id == user_id && bought.movie_id == movie_id)
}

#[async_trait]
impl CartQueries for MemoryCarts {
    async fn cart_entries(&self, user_id: UserId) -> Result<Vec<CartEntry>, StoreError> {
        let rows = self.rows();
        let cart_id = rows.carts.iter().find(|(_, owner)| *owner == user_id).map(|(id, _)| *id);
        let mut items: Vec<_> =
            rows.items.iter().filter(|(id, _)| Some(*id) == cart_id).map(|(_, item)| *item).collect();
        items.sort_by_key(|item| std::cmp::Reverse(item.added_at));
        let entry = |item: CartItem| {
            let movie = rows.shelf.movies.iter().find(|movie| movie.id == item.movie_id).unwrap();
            CartEntry {
                movie: summary(movie.id, movie.price),
                is_available: movie.is_available,
                is_purchased: is_purchased(&rows, user_id, movie.id),
                added_at: item.added_at,
            }
        };
        Ok(items.into_iter().map(entry).collect())
    }
}
