use super::{
    facts::{CheckedFacts, MovieIdentity},
    names::ResolvedNames,
    poster::{Poster, UploadedPoster},
    sort_name::{computed_sort_name, sort_key},
};
use crate::{
    id::{CertificationId, DirectorId, GenreId, MovieId, StarId},
    money::Money,
    time::Instant,
};

/// A movie of the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Movie {
    /// The identifier of the movie.
    pub id: MovieId,
    /// Title, year and running time.
    pub identity: MovieIdentity,
    /// The rating at IMDb, 0–10.
    pub imdb: f64,
    /// The number of votes at IMDb.
    pub votes: i64,
    /// The score at Metacritic, 0–100.
    pub meta_score: Option<f64>,
    /// The box office gross, in whole major units of a currency that is not stored.
    pub gross: Option<i64>,
    /// The description.
    pub description: String,
    /// The price.
    pub price: Money,
    /// The age certification.
    pub certification_id: CertificationId,
    /// The genres, the main one first.
    pub genre_ids: Vec<GenreId>,
    /// The directors, in the order of the credits.
    pub director_ids: Vec<DirectorId>,
    /// The actors, in the order of the credits.
    pub star_ids: Vec<StarId>,
    /// The poster.
    pub poster: Option<Poster>,
    /// The absolute address of a trailer.
    pub trailer_url: Option<String>,
    /// The movie's identifier at IMDb, which no other movie has.
    pub imdb_id: Option<String>,
    /// The movie's identifier at TMDB, which no other movie has.
    pub tmdb_id: Option<i64>,
    /// The name that the movie is sorted by, instead of the computed one.
    pub sort_name: Option<String>,
    /// Whether the movie is on sale.
    pub is_available: bool,
    /// Increases with every change of the movie, but not with changes of its counters, such as likes.
    pub version: i64,
    /// When the movie was added.
    pub created_at: Instant,
    /// When the movie was last changed.
    pub updated_at: Instant,
}

impl Movie {
    /// Creates a movie with these facts. `names` must be the identifiers of the names in the facts.
    #[must_use]
    pub fn create(id: MovieId, facts: CheckedFacts, names: ResolvedNames, now: Instant) -> Self {
        let facts = facts.into_inner();
        Self {
            id,
            identity: facts.identity,
            imdb: facts.imdb,
            votes: facts.votes,
            meta_score: facts.meta_score,
            gross: facts.gross,
            description: facts.description,
            price: facts.price,
            certification_id: names.certification,
            genre_ids: names.genres,
            director_ids: names.directors,
            star_ids: names.stars,
            poster: facts.poster_url.map(Poster::Address),
            trailer_url: facts.trailer_url,
            imdb_id: facts.imdb_id,
            tmdb_id: facts.tmdb_id,
            sort_name: facts.sort_name,
            is_available: facts.is_available,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// The movie's price, and whether it is on sale.
    #[must_use]
    pub const fn offer(&self) -> Offer {
        Offer { price: self.price, is_available: self.is_available }
    }

    /// The key that the movie is sorted by.
    #[must_use]
    pub fn sort_key(&self) -> String {
        sort_key(self.sort_name.as_deref().unwrap_or_else(|| computed_sort_name(&self.identity.name)))
    }

    /// The poster, if a moderator uploaded it.
    #[must_use]
    pub const fn uploaded_poster(&self) -> Option<UploadedPoster> {
        match self.poster {
            Some(Poster::Uploaded(poster)) => Some(poster),
            Some(Poster::Address(_)) | None => None,
        }
    }

    /// Sets the poster. Returns whether it changed; the version increases only then.
    pub fn set_poster(&mut self, poster: Option<Poster>, now: Instant) -> bool {
        let revised = Self { poster, ..self.clone() };
        self.replace_with(revised, now)
    }

    /// Replaces all fields except identifier, version and times. Returns whether anything changed; only then, the
    /// version and the time of the last change are updated.
    pub(super) fn replace_with(&mut self, mut revised: Self, now: Instant) -> bool {
        revised.id = self.id;
        revised.version = self.version;
        revised.created_at = self.created_at;
        revised.updated_at = self.updated_at;
        if revised == *self {
            return false;
        }
        revised.version = self.version.saturating_add(1);
        revised.updated_at = now;
        *self = revised;
        true
    }
}

/// A movie's price, and whether it is on sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The price.
    pub price: Money,
    /// Whether the movie is on sale.
    pub is_available: bool,
}
