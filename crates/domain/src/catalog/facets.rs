//! Facets: how many movies a list would have for each filter value, by genre, certification, decade and price.

use std::collections::HashMap;

use uuid::Uuid;

use super::{CountedName, MovieFilter, Range};
use crate::{
    money::{Currency, Money},
    page::Total,
};

/// The lower bounds of the price bands, in major units of a currency with decimals.
const BAND_STARTS: [i64; 5] = [0, 5, 10, 15, 20];
/// The factor by which the bounds are multiplied in currencies without decimals, such as the yen, whose major unit has
/// a small value.
const SMALL_UNITS: i64 = 100;
/// The number of years in a decade.
const DECADE: i32 = 10;
/// The first decade that a filter can choose; no movie is older.
const FIRST_DECADE: i32 = 1_870;
/// The last decade that a filter can choose.
const LAST_DECADE: i32 = 2_100;

/// The groups of filter values that movies are counted for. The counts of a group ignore the filter values of the same
/// group, so that they show the result of choosing other values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FacetGroup {
    /// Genres, chosen by [`MovieFilter::genres`].
    Genres,
    /// Certifications, chosen by [`MovieFilter::certifications`].
    Certifications,
    /// Decades, chosen by [`MovieFilter::year`].
    Decades,
    /// Price bands, chosen by [`MovieFilter::price`].
    PriceBands,
}

impl FacetGroup {
    /// Every group.
    pub const ALL: [Self; 4] = [Self::Genres, Self::Certifications, Self::Decades, Self::PriceBands];

    /// Returns the filter without its values in this group.
    #[must_use]
    pub fn without_choice(self, filter: &MovieFilter) -> MovieFilter {
        let mut others = filter.clone();
        match self {
            Self::Genres => others.genres.clear(),
            Self::Certifications => others.certifications.clear(),
            Self::Decades => others.year = Range::default(),
            Self::PriceBands => others.price = Range::default(),
        }
        others
    }
}

/// Prices from `min` (inclusive) to `max` (exclusive).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceBand {
    /// The lowest price.
    pub min: Money,
    /// The exclusive upper bound; `None` for the last band.
    pub max: Option<Money>,
}

impl PriceBand {
    /// The bands of a shop with this currency, the lowest first.
    #[must_use]
    pub fn all(currency: Currency) -> Vec<Self> {
        let unit = match currency.exponent() {
            0 => SMALL_UNITS,
            exponent => 10_i64.saturating_pow(exponent.into()),
        };
        let starts = BAND_STARTS.map(|start| Money::from_minor(start.saturating_mul(unit), currency));
        let ends = starts.into_iter().skip(1).map(Some).chain([None]);
        starts.into_iter().zip(ends).map(|(min, max)| Self { min, max }).collect()
    }

    /// The price filter that selects the band.
    #[must_use]
    pub fn range(self) -> Range<Money> {
        let below = |max: Money| Money::from_minor(max.minor().saturating_sub(1), max.currency());
        Range { min: Some(self.min), max: self.max.map(below) }
    }
}

/// The year filter that selects a decade, which is identified by its first year.
#[must_use]
pub const fn years_of_decade(decade: i32) -> Range<i32> {
    Range { min: Some(decade), max: Some(decade.saturating_add(DECADE).saturating_sub(1)) }
}

/// Returns the decades that a range of years selects: those that are completely within the range. A range without a
/// lower or an upper bound selects none.
fn chosen_decades(year: Range<i32>) -> Vec<i32> {
    let (Some(min), Some(max)) = (year.min, year.max) else { return Vec::new() };
    (FIRST_DECADE..=LAST_DECADE)
        .step_by(usize::try_from(DECADE).unwrap_or(1))
        .filter(|decade| min <= *decade && decade.saturating_add(DECADE) <= max.saturating_add(1))
        .collect()
}

/// A decade with the number of its movies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedDecade {
    /// The first year of the decade.
    pub decade: i32,
    /// The number of movies.
    pub movies_count: i64,
}

/// A price band with the number of its movies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedBand {
    /// The band.
    pub band: PriceBand,
    /// The number of movies.
    pub movies_count: i64,
}

/// The number of movies for each filter value, in each group. Values without movies may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FacetCounts {
    /// By genre.
    pub genres: HashMap<Uuid, i64>,
    /// By certification.
    pub certifications: HashMap<Uuid, i64>,
    /// By decade.
    pub decades: HashMap<i32, i64>,
    /// By the position of the band in [`PriceBand::all`].
    pub price_bands: HashMap<usize, i64>,
}

impl FacetCounts {
    /// Adds the counts in `other`, which must be for other filter values: a count for the same value is replaced.
    pub fn add(&mut self, other: &Self) {
        self.genres.extend(&other.genres);
        self.certifications.extend(&other.certifications);
        self.decades.extend(&other.decades);
        self.price_bands.extend(&other.price_bands);
    }
}

/// The filter values that a list can be narrowed by. The `movies_count` of a value is the total of the list if this
/// value is the only one chosen in its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facets {
    /// Genres, those with the most movies first.
    pub genres: Vec<CountedName>,
    /// Certifications, those with the most movies first.
    pub certifications: Vec<CountedName>,
    /// Decades, the newest first.
    pub decades: Vec<CountedDecade>,
    /// All price bands, the lowest first.
    pub price_bands: Vec<CountedBand>,
}

impl Facets {
    /// Returns the values that have movies, the values in the filter, and every price band. `genres` and
    /// `certifications` must be complete lists, sorted by name; names with the same number of movies keep this order.
    #[must_use]
    pub fn of(
        filter: &MovieFilter,
        counts: &FacetCounts,
        genres: Vec<CountedName>,
        certifications: Vec<CountedName>,
        currency: Currency,
    ) -> Self {
        let chosen_genres: Vec<Uuid> = filter.genres.iter().map(super::super::id::Id::as_uuid).collect();
        let chosen_certifications: Vec<Uuid> =
            filter.certifications.iter().map(super::super::id::Id::as_uuid).collect();
        let mut decades = counts.decades.clone();
        for decade in chosen_decades(filter.year) {
            decades.entry(decade).or_insert(0);
        }
        let mut decades: Vec<CountedDecade> = decades
            .into_iter()
            .map(|(decade, count)| CountedDecade { decade, movies_count: shown(count) })
            .collect();
        decades.sort_unstable_by_key(|counted| std::cmp::Reverse(counted.decade));
        let price_bands = PriceBand::all(currency).into_iter().enumerate().map(|(position, band)| {
            let count = counts.price_bands.get(&position).copied().unwrap_or(0);
            CountedBand { band, movies_count: shown(count) }
        });
        Self {
            genres: listed(genres, &counts.genres, &chosen_genres),
            certifications: listed(certifications, &counts.certifications, &chosen_certifications),
            decades,
            price_bands: price_bands.collect(),
        }
    }
}

fn listed(names: Vec<CountedName>, counts: &HashMap<Uuid, i64>, chosen: &[Uuid]) -> Vec<CountedName> {
    let mut names: Vec<CountedName> = names
        .into_iter()
        .map(|name| CountedName { movies_count: counts.get(&name.id).copied().unwrap_or(0), ..name })
        .filter(|name| name.movies_count > 0 || chosen.contains(&name.id))
        .collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.movies_count));
    for name in &mut names {
        name.movies_count = shown(name.movies_count);
    }
    names
}

/// Returns the total that a list with this number of movies shows. Totals are limited (see [`Total`]).
fn shown(count: i64) -> i64 {
    let total = Total::from_capped_count(u64::try_from(count).unwrap_or_default());
    i64::try_from(total.items).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{GenreId, Id};

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, Currency::USD)
    }

    fn name(number: u128, name: &str) -> CountedName {
        CountedName { id: Uuid::from_u128(number), name: name.to_owned(), movies_count: 99 }
    }

    #[test]
    fn bands_follow_each_other_and_are_larger_without_decimals() {
        let bands = |code: &str| -> Vec<(String, Option<String>)> {
            let amount = |money: Money| money.amount();
            PriceBand::all(code.parse().unwrap())
                .into_iter()
                .map(|band| (amount(band.min), band.max.map(amount)))
                .collect()
        };
        let texts = |bands: &[(&str, Option<&str>)]| -> Vec<(String, Option<String>)> {
            bands.iter().map(|(min, max)| ((*min).to_owned(), max.map(str::to_owned))).collect()
        };
        let dollars = [
            ("0.00", Some("5.00")),
            ("5.00", Some("10.00")),
            ("10.00", Some("15.00")),
            ("15.00", Some("20.00")),
            ("20.00", None),
        ];
        assert_eq!(bands("USD"), texts(&dollars));
        assert_eq!(bands("JPY")[1], ("500".to_owned(), Some("1000".to_owned())));
        assert_eq!(bands("KWD")[4], ("20.000".to_owned(), None));
    }

    #[test]
    fn the_price_range_of_a_band_ends_below_the_next_band() {
        let bands = PriceBand::all(Currency::USD);
        assert_eq!(bands[1].range(), Range { min: Some(usd(500)), max: Some(usd(999)) });
        assert_eq!(bands[4].range(), Range { min: Some(usd(2_000)), max: None });
    }

    #[test]
    fn a_decade_is_chosen_by_a_year_range_that_contains_it() {
        assert_eq!(chosen_decades(years_of_decade(1990)), [1990]);
        assert_eq!(chosen_decades(Range { min: Some(1985), max: Some(2010) }), [1990, 2000]);
        assert_eq!(chosen_decades(Range { min: Some(1991), max: Some(1999) }), [0; 0]);
        assert_eq!(chosen_decades(Range { min: Some(1990), max: None }), [0; 0]);
        assert_eq!(chosen_decades(Range { min: Some(2000), max: Some(1990) }), [0; 0]);
        assert_eq!(chosen_decades(Range { min: Some(i32::MIN), max: Some(i32::MAX) }).len(), 24);
    }

    #[test]
    fn values_with_movies_chosen_values_and_all_price_bands_are_listed() {
        let filter = MovieFilter {
            genres: vec![GenreId::from_uuid(Uuid::from_u128(3)), Id::from_uuid(Uuid::from_u128(8))],
            year: years_of_decade(1950),
            price: PriceBand::all(Currency::USD)[0].range(),
            ..MovieFilter::default()
        };
        let counts = FacetCounts {
            genres: HashMap::from([
                (Uuid::from_u128(1), 2),
                (Uuid::from_u128(2), 70_000),
                (Uuid::from_u128(4), 2),
            ]),
            certifications: HashMap::new(),
            decades: HashMap::from([(1990, 3), (2010, 1)]),
            price_bands: HashMap::from([(4, 7)]),
        };
        let genres =
            vec![name(1, "Action"), name(4, "Crime"), name(2, "Drama"), name(3, "Noir"), name(5, "War")];
        let facets = Facets::of(&filter, &counts, genres, vec![name(9, "PG")], Currency::USD);
        let genres: Vec<_> =
            facets.genres.iter().map(|genre| (genre.name.as_str(), genre.movies_count)).collect();
        assert_eq!(genres, [("Drama", 10_000), ("Action", 2), ("Crime", 2), ("Noir", 0)]);
        assert!(facets.certifications.is_empty());
        let decades: Vec<_> =
            facets.decades.iter().map(|counted| (counted.decade, counted.movies_count)).collect();
        assert_eq!(decades, [(2010, 1), (1990, 3), (1950, 0)]);
        let bands: Vec<_> =
            facets.price_bands.iter().map(|counted| (counted.band.min, counted.movies_count)).collect();
        assert_eq!(bands, [(usd(0), 0), (usd(500), 0), (usd(1_000), 0), (usd(1_500), 0), (usd(2_000), 7)]);
    }

    #[test]
    fn a_group_ignores_only_its_own_choice() {
        let filter = MovieFilter {
            genres: vec![GenreId::from_uuid(Uuid::from_u128(1))],
            certifications: vec![Id::from_uuid(Uuid::from_u128(2))],
            year: years_of_decade(1990),
            price: PriceBand::all(Currency::USD)[0].range(),
            search: Some(crate::catalog::Search::parse("a")),
            ..MovieFilter::default()
        };
        for group in FacetGroup::ALL {
            let others = group.without_choice(&filter);
            let is_kept = |other| group != other;
            assert_eq!(others.genres == filter.genres, is_kept(FacetGroup::Genres));
            assert_eq!(others.certifications == filter.certifications, is_kept(FacetGroup::Certifications));
            assert_eq!(others.year == filter.year, is_kept(FacetGroup::Decades));
            assert_eq!(others.price == filter.price, is_kept(FacetGroup::PriceBands));
            assert_eq!(others.search, filter.search);
        }
    }
}
