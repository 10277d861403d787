//! The initial data of tests: users who are signed in, and movies on sale.

use domain::{
    accounts::{Actor, Device, PasswordHash, Role, Session, User},
    catalog::{Facts, Movie, MovieIdentity, NameKind, ProposedName, ResolvedNames},
    id::{Id, MovieId},
    money::Money,
    purchases::Purchase,
    time::Instant,
};
use uuid::Uuid;

use super::storage::TestStorage;

/// Returns an actor whose user and session have this number as their identifier.
pub(crate) const fn user(number: u128) -> Actor {
    let session_id = Id::from_uuid(Uuid::from_u128(number));
    Actor { user_id: Id::from_uuid(Uuid::from_u128(number)), session_id, role: Role::User }
}

pub(crate) const ANN: Actor = user(0xA);
pub(crate) const BOB: Actor = user(0xB);

/// The identifier of the movie with this number.
pub(crate) const fn movie(number: u128) -> MovieId {
    Id::from_uuid(Uuid::from_u128(number))
}

/// The certification of the movies of [`TestStorage::add_movies`].
const CERTIFICATION: Uuid = Uuid::from_u128(0xCE);

pub(crate) fn price(amount: &str) -> Money {
    Money::parse_major(amount, "USD".parse().unwrap()).unwrap()
}

/// The facts (data) of a valid movie.
pub(crate) fn facts(name: &str) -> Facts {
    Facts {
        identity: MovieIdentity { name: name.to_owned(), year: 1999, duration_minutes: 120 },
        imdb: 8.1,
        votes: 1_000,
        meta_score: None,
        gross: None,
        description: "A movie.".to_owned(),
        price: price("9.99"),
        certification: "PG".to_owned(),
        genres: vec!["Drama".to_owned(), "Crime".to_owned()],
        directors: vec!["Agnès Varda".to_owned()],
        stars: vec!["Toshirō Mifune".to_owned()],
        poster_url: None,
        trailer_url: None,
        imdb_id: None,
        tmdb_id: None,
        sort_name: None,
        is_available: true,
    }
}

impl TestStorage {
    /// Adds an active user with the actor's session and role.
    pub(crate) async fn add_user(&self, actor: Actor) {
        let (id, now) = (actor.user_id, Instant::default());
        let email = format!("{id}@example.com").parse().unwrap();
        let mut user = User::register(id, email, PasswordHash::unusable(), now);
        user.activate(now).unwrap();
        user.role = actor.role;
        let session = Session::begin(actor.session_id, id, Device::default(), now);
        let mut unit = self.unit().await;
        unit.insert_user(&user).await.unwrap();
        unit.insert_session(&session).await.unwrap();
        unit.commit().await.unwrap();
    }

    /// Puts movies 1 to `count` on sale, each for 9.99 dollars.
    pub(crate) async fn add_movies(&self, count: u128) {
        let names = ResolvedNames {
            certification: Id::from_uuid(CERTIFICATION),
            genres: Vec::new(),
            directors: Vec::new(),
            stars: Vec::new(),
        };
        let create = |number: u128| {
            let facts = facts(&number.to_string()).check(2026).unwrap();
            Movie::create(movie(number), facts, names.clone(), Instant::default())
        };
        let movies: Vec<_> = (1..=count).map(create).collect();
        let certification = ProposedName { id: CERTIFICATION, name: "PG".to_owned() };
        let mut unit = self.unit().await;
        unit.resolve_names(NameKind::Certification, &[certification]).await.unwrap();
        unit.insert_movies(&movies).await.unwrap();
        unit.commit().await.unwrap();
    }

    /// Changes a movie.
    pub(crate) async fn change_movie(&self, id: MovieId, change: impl FnOnce(&mut Movie)) {
        self.edit(|rows| change(rows.movies.iter_mut().find(|movie| movie.id == id).unwrap())).await;
    }

    /// Withdraws a movie from sale.
    pub(crate) async fn withdraw(&self, id: MovieId) {
        self.change_movie(id, |movie| movie.is_available = false).await;
    }

    /// Adds a purchase.
    pub(crate) async fn sell(&self, buyer: Actor, movie_id: MovieId) {
        let (id, user_id) = (Id::from_uuid(Uuid::from_u128(0x5E11)), buyer.user_id);
        let mut unit = self.unit().await;
        let purchase = Purchase { id, user_id, movie_id, purchased_at: Instant::default() };
        unit.insert_purchase(&purchase).await.unwrap();
        unit.commit().await.unwrap();
    }
}
