use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta};
use domain::{
    accounts::{LinkKind, LinkToken, PasswordHash, User},
    catalog::{
        CatalogUnit, CheckedFacts, Facts, Movie, MovieDetail, MovieIdentity, MovieSummary, NameKind,
        ProposedName, RatingSummary, ResolvedNames,
    },
    entropy::TokenDigest,
    id::{Id, Kind, MovieId, UserId},
    money::{Currency, Money},
    time::Instant,
};
use uuid::Uuid;

use crate::node::Node;

/// The UUIDv7 for a number. Larger numbers give later UUIDs.
pub(crate) fn uuid(number: u64) -> Uuid {
    Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0000 | u128::from(number))
}

/// The identifier for a number.
pub(crate) fn id<K: Kind>(number: u64) -> Id<K> {
    Id::from_uuid(uuid(number))
}

/// An identifier that no other call returns, for objects whose number does not matter.
pub(crate) fn fresh<K: Kind>() -> Id<K> {
    static NEXT: AtomicU64 = AtomicU64::new(1 << 40);
    id(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The time `seconds` after a fixed instant. This instant has microseconds, so that a store that loses microseconds is
/// detected.
pub(crate) fn at(seconds: i64) -> Instant {
    DateTime::from_timestamp_micros(1_767_225_600_123_457 + seconds * 1_000_000).unwrap()
}

/// A time moved by this number of microseconds.
pub(crate) fn shifted(instant: Instant, microseconds: i64) -> Instant {
    instant.checked_add_signed(TimeDelta::microseconds(microseconds)).unwrap()
}

pub(crate) fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

/// An amount of US dollars, given in cents.
pub(crate) fn price(minor: i64) -> Money {
    Money::from_minor(minor, currency("USD"))
}

/// A token digest for a number.
pub(crate) fn digest(number: u64) -> TokenDigest {
    TokenDigest::from_hex(format!("{number:064x}"))
}

/// An active user, who is not stored.
pub(crate) fn user(number: u64) -> User {
    let email = format!("User{number}@example.com").parse().unwrap();
    let mut user =
        User::register(id(number), email, PasswordHash::from_phc(format!("$argon2id${number}")), at(0));
    user.activate(at(1)).unwrap();
    user
}

/// Stores an active user, and returns it.
pub(crate) async fn add_user(node: &Node, number: u64) -> User {
    let user = user(number);
    let mut unit = node.unit().await;
    unit.insert_user(&user).await.unwrap();
    unit.commit().await.unwrap();
    user
}

/// Reads a user from the store.
pub(crate) async fn stored_user(node: &Node, id: UserId) -> Option<User> {
    node.unit().await.find_user(id).await.unwrap()
}

/// A link token that expires an hour after the time `at(0)`.
pub(crate) fn link(number: u64, user_id: UserId, kind: LinkKind) -> LinkToken {
    LinkToken { id: fresh(), user_id, kind, digest: digest(number), expires_at: at(3600) }
}

/// The facts of a movie with this name, and with ordinary values in the other fields.
pub(crate) fn facts(name: &str) -> Facts {
    Facts {
        identity: MovieIdentity { name: name.to_owned(), year: 2000, duration_minutes: 100 },
        imdb: 7.5,
        votes: 1000,
        meta_score: None,
        gross: None,
        description: format!("About {name}"),
        price: price(999),
        certification: "PG-13".to_owned(),
        genres: vec!["Drama".to_owned()],
        directors: vec!["Jane Campion".to_owned()],
        stars: vec!["Holly Hunter".to_owned(), "Sam Neill".to_owned()],
        poster_url: None,
        trailer_url: None,
        imdb_id: None,
        tmdb_id: None,
        sort_name: None,
        is_available: true,
    }
}

/// Converts texts to owned strings.
pub(crate) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Pairs each name with a new identifier, which is used if the name is not stored yet.
pub(crate) fn proposed(names: &[String]) -> Vec<ProposedName> {
    names
        .iter()
        .map(|name| ProposedName { id: fresh::<domain::id::GenreKind>().as_uuid(), name: name.clone() })
        .collect()
}

/// Checks facts. Panics if they are invalid.
pub(crate) fn checked(facts: Facts) -> CheckedFacts {
    facts.check(2026).unwrap()
}

/// Resolves the names in the facts of each movie to identifiers, and stores new names.
pub(crate) async fn resolve(unit: &mut dyn CatalogUnit, all: &[Facts]) -> Vec<ResolvedNames> {
    let mut rows = Vec::new();
    let lists: [(NameKind, Vec<Vec<String>>); 4] = [
        (NameKind::Certification, all.iter().map(|facts| vec![facts.certification.clone()]).collect()),
        (NameKind::Genre, all.iter().map(|facts| facts.genres.clone()).collect()),
        (NameKind::Director, all.iter().map(|facts| facts.directors.clone()).collect()),
        (NameKind::Star, all.iter().map(|facts| facts.stars.clone()).collect()),
    ];
    for (kind, names) in lists {
        let ids = unit.resolve_names(kind, &proposed(&names.concat())).await.unwrap();
        let mut ids = ids.into_iter();
        rows.push(
            names.iter().map(|names| ids.by_ref().take(names.len()).collect::<Vec<_>>()).collect::<Vec<_>>(),
        );
    }
    let of = |kind: usize, movie: usize| rows[kind][movie].iter().copied();
    (0..all.len())
        .map(|movie| ResolvedNames {
            certification: Id::from_uuid(rows[0][movie][0]),
            genres: of(1, movie).map(Id::from_uuid).collect(),
            directors: of(2, movie).map(Id::from_uuid).collect(),
            stars: of(3, movie).map(Id::from_uuid).collect(),
        })
        .collect()
}

/// Stores new movies with these identifiers. The movie at position `n` of the list (from 0) is created at the time
/// `at(n)`.
pub(crate) async fn add_movies_as(node: &Node, movies: Vec<(MovieId, Facts)>) -> Vec<Movie> {
    let mut unit = node.unit().await;
    let all: Vec<Facts> = movies.iter().map(|(_, facts)| facts.clone()).collect();
    let names = resolve(unit.as_mut(), &all).await;
    let movies: Vec<Movie> = (0..)
        .zip(movies)
        .zip(names)
        .map(|((second, (id, facts)), names)| Movie::create(id, checked(facts), names, at(second)))
        .collect();
    let added = unit.insert_movies(&movies).await.unwrap();
    assert_eq!(added.len(), movies.len(), "all movies are new");
    unit.commit().await.unwrap();
    movies
}

/// Stores new movies with the identifiers of the numbers 1, 2, …
pub(crate) async fn add_movies(node: &Node, all: Vec<Facts>) -> Vec<Movie> {
    add_movies_as(node, (1..).map(id).zip(all).collect()).await
}

/// Stores a new movie with the identifier of this number.
pub(crate) async fn add_movie(node: &Node, number: u64, facts: Facts) -> Movie {
    add_movies_as(node, vec![(id(number), facts)]).await.remove(0)
}

/// Changes a stored movie.
pub(crate) async fn update(node: &Node, movie: &Movie) {
    let mut unit = node.unit().await;
    unit.update_movie(movie).await.unwrap();
    unit.commit().await.unwrap();
}

/// Puts a stored movie on sale, or withdraws it.
pub(crate) async fn set_available(node: &Node, movie: &Movie, is_available: bool) {
    update(node, &Movie { is_available, ..movie.clone() }).await;
}

/// The details of a movie without ratings, reactions and comments, as a visitor without an account must see them.
pub(crate) fn detail(movie: &Movie, facts: &Facts) -> MovieDetail {
    use domain::catalog::Named;
    fn named<K: Kind>(ids: &[Id<K>], names: &[String]) -> Vec<Named<K>> {
        ids.iter().zip(names).map(|(id, name)| Named { id: *id, name: name.clone() }).collect()
    }
    MovieDetail {
        summary: MovieSummary {
            id: movie.id,
            name: movie.identity.name.clone(),
            year: movie.identity.year,
            duration_minutes: movie.identity.duration_minutes,
            imdb: movie.imdb,
            votes: movie.votes,
            price: movie.price,
            certification: Named { id: movie.certification_id, name: facts.certification.clone() },
            genres: named(&movie.genre_ids, &facts.genres),
            poster: movie.poster.clone(),
            rating: RatingSummary { average: None, count: 0 },
            likes: 0,
            dislikes: 0,
            me: None,
        },
        meta_score: movie.meta_score,
        gross: movie.gross,
        description: movie.description.clone(),
        directors: named(&movie.director_ids, &facts.directors),
        stars: named(&movie.star_ids, &facts.stars),
        trailer_url: movie.trailer_url.clone(),
        imdb_id: movie.imdb_id.clone(),
        tmdb_id: movie.tmdb_id,
        sort_name: movie.sort_name.clone(),
        comments_count: 0,
        is_available: movie.is_available,
        version: movie.version,
        created_at: movie.created_at,
        updated_at: movie.updated_at,
    }
}
