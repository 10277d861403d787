use std::fmt::{Debug, Write};

use crate::{
    catalog::Search,
    id::{CertificationId, DirectorId, GenreId, Id, Kind, MovieId, StarId, UserId},
    money::Money,
    page::{Sort, SortKey},
    text::fold,
};

/// Bounds of a value, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range<T> {
    /// The lower bound.
    pub min: Option<T>,
    /// The upper bound.
    pub max: Option<T>,
}

impl<T> Default for Range<T> {
    fn default() -> Self {
        Self { min: None, max: None }
    }
}

/// A filter of movies. A match must meet every condition, and must be on sale unless withdrawn or bought movies are
/// requested. A list of identifiers means any of them; an empty list is no condition.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MovieFilter {
    /// Any of these movies, such as the movies in the cart of a visitor who is not signed in.
    pub ids: Vec<MovieId>,
    /// The movies that this user has an active purchase of, on sale or not.
    pub bought_by: Option<UserId>,
    /// The favourites of this user.
    pub favorites_of: Option<UserId>,
    /// Movies with the words of this search in their name, people or description.
    pub search: Option<Search>,
    /// The title contains this text, compared by [`fold`].
    pub title: Option<String>,
    /// Any of these genres.
    pub genres: Vec<GenreId>,
    /// By any of these directors.
    pub directors: Vec<DirectorId>,
    /// With any of these actors.
    pub stars: Vec<StarId>,
    /// Of any of these certifications.
    pub certifications: Vec<CertificationId>,
    /// The year of release.
    pub year: Range<i32>,
    /// The rating at IMDb.
    pub imdb: Range<f64>,
    /// The price, in the shop's currency.
    pub price: Range<Money>,
    /// The running time in minutes.
    pub duration: Range<i32>,
    /// The movie with this IMDb identifier.
    pub imdb_id: Option<String>,
    /// The movie with this TMDB identifier.
    pub tmdb_id: Option<i64>,
    /// `false` selects movies that were withdrawn from sale instead of movies on sale. Only moderators may set this
    /// filter.
    pub is_available: Option<bool>,
}

impl MovieFilter {
    /// Whether withdrawn movies are selected.
    #[must_use]
    pub fn is_withdrawn(&self) -> bool {
        self.is_available == Some(false)
    }

    /// Whether the filter looks for words or parts of a title, which may read many movies.
    #[must_use]
    pub const fn reads_text(&self) -> bool {
        self.search.is_some() || self.title.is_some()
    }

    /// The canonical form, which is equal for filters that differ only in the case, the accents or the repeated or
    /// surrounding white space of `search` and `title`, in the order or repetition of identifiers, or in an
    /// `is_available` that is `true` or absent.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        fn in_order<K: Kind>(ids: &mut Vec<Id<K>>) {
            ids.sort_unstable();
            ids.dedup();
        }
        self.title = self.folded_title();
        self.is_available = self.is_available.filter(|is_available| !is_available);
        in_order(&mut self.ids);
        in_order(&mut self.genres);
        in_order(&mut self.directors);
        in_order(&mut self.stars);
        in_order(&mut self.certifications);
        self
    }

    /// A text that is unique for each filter, for caches and signatures. It is never parsed.
    #[must_use]
    pub fn key(&self) -> String {
        fn add<T: Debug + Default + PartialEq>(key: &mut String, name: &str, wanted: &T) {
            if *wanted != T::default() {
                // Writing to a string cannot fail.
                let _ = write!(key, "{name}: {wanted:?} ");
            }
        }
        let Self {
            ids,
            bought_by,
            favorites_of,
            search,
            title,
            genres,
            directors,
            stars,
            certifications,
            year,
            imdb,
            price,
            duration,
            imdb_id,
            tmdb_id,
            is_available,
        } = self;
        let mut key = String::new();
        add(&mut key, "ids", ids);
        add(&mut key, "bought_by", bought_by);
        add(&mut key, "favorites_of", favorites_of);
        add(&mut key, "search", search);
        add(&mut key, "title", title);
        add(&mut key, "genres", genres);
        add(&mut key, "directors", directors);
        add(&mut key, "stars", stars);
        add(&mut key, "certifications", certifications);
        add(&mut key, "year", year);
        add(&mut key, "imdb", imdb);
        add(&mut key, "price", price);
        add(&mut key, "duration", duration);
        add(&mut key, "imdb_id", imdb_id);
        add(&mut key, "tmdb_id", tmdb_id);
        add(&mut key, "is_available", is_available);
        key
    }

    /// The folded text of `title`; `None` when `title` is absent or blank.
    #[must_use]
    pub fn folded_title(&self) -> Option<String> {
        self.title.as_deref().map(fold).filter(|text| !text.is_empty())
    }
}

/// The keys that movies can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MovieSortKey {
    /// The sort name of the movie, as the key that [`Movie::sort_key`](crate::catalog::Movie::sort_key) returns. By
    /// default, the sort name is the name without a leading article.
    Name,
    /// The year of release.
    Year,
    /// The price.
    Price,
    /// The rating at IMDb.
    Imdb,
    /// The votes at IMDb.
    Votes,
    /// The ratings of users, by [`rating_rank`](crate::catalog::rating_rank); movies without ratings are last.
    Rating,
    /// The popularity score.
    Popularity,
    /// When the movie was added.
    CreatedAt,
    /// When the user in [`MovieFilter::bought_by`] bought the movie; only bought movies have this value.
    PurchasedAt,
    /// When the user in [`MovieFilter::favorites_of`] added the movie to the favourites; only favourites have this
    /// value.
    AddedAt,
    /// How well the movie matches the search.
    Relevance,
}

impl MovieSortKey {
    /// Whether a large number of movies may have the same value.
    #[must_use]
    pub const fn is_shared_by_many(self) -> bool {
        matches!(self, Self::Year | Self::Price | Self::Imdb | Self::Rating)
    }
}

impl SortKey for MovieSortKey {
    const NAMED: &'static [(&'static str, Self)] = &[
        ("name", Self::Name),
        ("year", Self::Year),
        ("price", Self::Price),
        ("imdb", Self::Imdb),
        ("votes", Self::Votes),
        ("rating", Self::Rating),
        ("popularity", Self::Popularity),
        ("created_at", Self::CreatedAt),
        ("relevance", Self::Relevance),
    ];

    fn is_always_descending(self) -> bool {
        self == Self::Relevance
    }
}

/// The keys that bought movies can be sorted by: the keys of the catalogue, and the time of the purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LibrarySortKey(pub MovieSortKey);

impl SortKey for LibrarySortKey {
    const NAMED: &'static [(&'static str, Self)] = &[
        ("purchased_at", Self(MovieSortKey::PurchasedAt)),
        ("name", Self(MovieSortKey::Name)),
        ("year", Self(MovieSortKey::Year)),
        ("price", Self(MovieSortKey::Price)),
        ("imdb", Self(MovieSortKey::Imdb)),
        ("votes", Self(MovieSortKey::Votes)),
        ("rating", Self(MovieSortKey::Rating)),
        ("popularity", Self(MovieSortKey::Popularity)),
        ("created_at", Self(MovieSortKey::CreatedAt)),
        ("relevance", Self(MovieSortKey::Relevance)),
    ];

    fn is_always_descending(self) -> bool {
        self.0.is_always_descending()
    }
}

impl From<Sort<LibrarySortKey>> for MovieSort {
    fn from(sort: Sort<LibrarySortKey>) -> Self {
        Self { key: sort.key.0, descending: sort.descending }
    }
}

/// The keys that favourites can be sorted by: the keys of the catalogue, and the time at which the movie was added to
/// the favourites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FavoriteSortKey(pub MovieSortKey);

impl SortKey for FavoriteSortKey {
    const NAMED: &'static [(&'static str, Self)] = &[
        ("added_at", Self(MovieSortKey::AddedAt)),
        ("name", Self(MovieSortKey::Name)),
        ("year", Self(MovieSortKey::Year)),
        ("price", Self(MovieSortKey::Price)),
        ("imdb", Self(MovieSortKey::Imdb)),
        ("votes", Self(MovieSortKey::Votes)),
        ("rating", Self(MovieSortKey::Rating)),
        ("popularity", Self(MovieSortKey::Popularity)),
        ("created_at", Self(MovieSortKey::CreatedAt)),
        ("relevance", Self(MovieSortKey::Relevance)),
    ];

    fn is_always_descending(self) -> bool {
        self.0.is_always_descending()
    }
}

impl From<Sort<FavoriteSortKey>> for MovieSort {
    fn from(sort: Sort<FavoriteSortKey>) -> Self {
        Self { key: sort.key.0, descending: sort.descending }
    }
}

/// How movies are sorted. `relevance` is always descending.
pub type MovieSort = Sort<MovieSortKey>;

impl MovieSort {
    /// The most popular first: the default order of the catalogue.
    pub const POPULAR: Self = Self { key: MovieSortKey::Popularity, descending: true };
    /// The latest purchase first: the default order of a library.
    pub const LATEST_PURCHASE: Self = Self { key: MovieSortKey::PurchasedAt, descending: true };
    /// The latest favourites first: the default order of favourites.
    pub const LATEST_FAVORITE: Self = Self { key: MovieSortKey::AddedAt, descending: true };
    /// The best match first: the default order of a search.
    pub const RELEVANT: Self = Self { key: MovieSortKey::Relevance, descending: true };
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use uuid::Uuid;

    use super::*;
    use crate::page::UnknownSort;

    #[test]
    fn a_minus_before_a_sort_key_means_descending_order() {
        assert_eq!("-year".parse(), Ok(MovieSort { key: MovieSortKey::Year, descending: true }));
        assert_eq!("year".parse(), Ok(MovieSort { key: MovieSortKey::Year, descending: false }));
        assert_eq!("relevance".parse(), Ok(MovieSort::RELEVANT));
        for bad in ["", "-", "--year", "Year", "id", "year ", "-relevance"] {
            assert_eq!(bad.parse::<MovieSort>(), Err(UnknownSort), "{bad}");
        }
    }

    #[test]
    fn a_library_can_be_sorted_by_every_key_of_the_catalogue() {
        for (name, key) in MovieSortKey::NAMED {
            let sort: Sort<LibrarySortKey> = name.parse().unwrap();
            assert_eq!(MovieSort::from(sort).key, *key);
        }
        let latest = "-purchased_at".parse::<Sort<LibrarySortKey>>().map(MovieSort::from);
        assert_eq!(latest, Ok(MovieSort::LATEST_PURCHASE));
        assert_eq!("purchased_at".parse::<MovieSort>(), Err(UnknownSort));
    }

    #[test]
    fn favorites_can_be_sorted_by_every_key_of_the_catalogue() {
        for (name, key) in MovieSortKey::NAMED {
            let sort: Sort<FavoriteSortKey> = name.parse().unwrap();
            assert_eq!(MovieSort::from(sort).key, *key);
        }
        assert_eq!(
            "-added_at".parse::<Sort<FavoriteSortKey>>().map(MovieSort::from),
            Ok(MovieSort::LATEST_FAVORITE)
        );
        assert_eq!("added_at".parse::<MovieSort>(), Err(UnknownSort));
    }

    #[test]
    fn every_filter_has_a_unique_key() {
        let text = |text: &str| Some(text.to_owned());
        let price = |text: &str| Some(Money::parse_major(text, "USD".parse().unwrap()).unwrap());
        let search = |text: &str| Some(Search::parse(text));
        let none = MovieFilter::default;
        let id = Uuid::from_u128(1);
        let filters = [
            none(),
            MovieFilter { search: search("a"), ..none() },
            MovieFilter { title: text("a"), ..none() },
            MovieFilter { search: search("a"), title: text("a"), ..none() },
            MovieFilter { search: search("a\" title: Some(\"a"), ..none() },
            MovieFilter { title: text("a\") year: Some(\"a"), ..none() },
            MovieFilter { search: search("!"), ..none() },
            MovieFilter { search: search("1999"), ..none() },
            MovieFilter { search: search("1999").map(|search| search.narrowed_by_year(0)), ..none() },
            MovieFilter { ids: vec![Id::from_uuid(id)], ..none() },
            MovieFilter { bought_by: Some(Id::from_uuid(id)), ..none() },
            MovieFilter { favorites_of: Some(Id::from_uuid(id)), ..none() },
            MovieFilter { genres: vec![Id::from_uuid(id)], ..none() },
            MovieFilter { genres: vec![Id::from_uuid(id), Id::from_uuid(Uuid::from_u128(2))], ..none() },
            MovieFilter { directors: vec![Id::from_uuid(id)], ..none() },
            MovieFilter { stars: vec![Id::from_uuid(id)], ..none() },
            MovieFilter { certifications: vec![Id::from_uuid(id)], ..none() },
            MovieFilter { year: Range { min: Some(60), max: None }, ..none() },
            MovieFilter { year: Range { min: None, max: Some(60) }, ..none() },
            MovieFilter { duration: Range { min: Some(60), max: None }, ..none() },
            MovieFilter { imdb: Range { min: Some(6.0), max: None }, ..none() },
            MovieFilter { imdb: Range { min: Some(6.0), max: Some(6.0) }, ..none() },
            MovieFilter { price: Range { min: price("6.00"), max: None }, ..none() },
            MovieFilter { price: Range { min: None, max: price("6.01") }, ..none() },
            MovieFilter { imdb_id: text("tt0079944"), ..none() },
            MovieFilter { tmdb_id: Some(60), ..none() },
            MovieFilter { is_available: Some(false), ..none() },
        ];
        let keys: HashSet<String> = filters.iter().map(MovieFilter::key).collect();
        assert_eq!(keys.len(), filters.len(), "{keys:#?}");
    }

    #[test]
    fn filters_that_differ_only_in_spelling_have_the_same_canonical_form() {
        let ids =
            |numbers: &[u128]| numbers.iter().map(|n| GenreId::from_uuid(Uuid::from_u128(*n))).collect();
        let filter = |search: &str, title: &str, genres: &[u128]| MovieFilter {
            search: Some(Search::parse(search)),
            title: Some(title.into()),
            genres: ids(genres),
            ..MovieFilter::default()
        };
        let one = filter(" The  Godfather", "PART: II ", &[2, 1, 2]).canonical();
        assert_eq!(one, filter("thé godfather", "part: ii", &[1, 2]).canonical());
        assert_eq!(one, one.clone().canonical());
        assert_eq!(one.genres, ids(&[1, 2]));
        assert_eq!(filter(" ", "\u{301}", &[]).canonical().title, None);
        assert_ne!(filter("a b", "", &[]).canonical(), filter("b a", "", &[]).canonical());
    }
}
