//! A summary of the genres, the certification and the decade of a movie, as the bits of one integer. It is stored in
//! `movies` and in the links to genres.
//!
//! The indexes of these tables contain the integer. A list with several filters compares the bits while it reads an
//! index, and reads only the rows of movies that may match. This is a Bloom filter: two values may have the same bits,
//! or two values together may have the bits of a third value. So the exact values of the movies that match are checked
//! afterwards.

use std::collections::BTreeSet;

use domain::catalog::Movie;
use uuid::Uuid;

use crate::statement::Statement;

/// The number of bits for genres, starting at the lowest bit. A genre has up to two of them.
const GENRE_BITS: u32 = 40;
/// The number of bits for certifications, which follow the bits for genres. A certification has up to two of them.
const CERTIFICATION_BITS: u32 = 12;
/// The number of bits for decades, which follow the bits for certifications. The sign bit is not used.
const DECADE_BITS: u32 = 11;
/// The maximum number of values in a mask. A condition with more values has no mask, because comparing all values
/// would take more time than the mask saves.
const MOST_VALUES: usize = 8;

/// The bits of the values of a condition. A movie that meets the condition has all bits of at least one value. A
/// condition without values, or with more than [`MOST_VALUES`], has no mask (`None`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mask(BTreeSet<i64>);

impl Mask {
    /// The mask of movies of any of these genres.
    pub(crate) fn of_genres(ids: &[Uuid]) -> Option<Self> {
        Self::of(ids.iter().map(|id| genre_bits(*id)))
    }

    /// The mask of movies of any of these certifications.
    pub(crate) fn of_certifications(ids: &[Uuid]) -> Option<Self> {
        Self::of(ids.iter().map(|id| certification_bits(*id)))
    }

    /// The mask of movies of the years from `min` to `max`, both inclusive.
    pub(crate) fn of_years(min: i64, max: i64) -> Option<Self> {
        // Computes at most one decade more than a mask can have, however long the range is.
        let decades = (decade_of(min)..=decade_of(max)).take(MOST_VALUES.saturating_add(1));
        Self::of(decades.map(decade_bit))
    }

    fn of(values: impl Iterator<Item = i64>) -> Option<Self> {
        let values: BTreeSet<i64> = values.collect();
        (1..=MOST_VALUES).contains(&values.len()).then_some(Self(values))
    }
}

/// Adds `AND …` for each mask: the row of this table has all bits of at least one value of the mask.
pub(crate) fn push_masks<ST>(statement: &mut Statement<ST>, table: &'static str, masks: &[Mask]) {
    for Mask(values) in masks {
        for (number, bits) in values.iter().enumerate() {
            statement.sql(if number == 0 { " AND ((" } else { " OR (" });
            statement.sql(table).sql(".filter_bits & ").bind(*bits).sql(") = ").bind(*bits);
        }
        statement.sql(")");
    }
}

/// The bits of a movie. The migration that adds the column `filter_bits` computes the same bits for existing movies.
pub(crate) fn bits_of(movie: &Movie) -> i64 {
    let genres = movie.genre_ids.iter().map(|id| genre_bits(id.as_uuid()));
    let decade = decade_bit(decade_of(movie.identity.year.into()));
    genres.fold(certification_bits(movie.certification_id.as_uuid()) | decade, |all, bits| all | bits)
}

fn genre_bits(id: Uuid) -> i64 {
    let [one, other] = last_bytes(id);
    bit(one % GENRE_BITS) | bit(other % GENRE_BITS)
}

fn certification_bits(id: Uuid) -> i64 {
    let [one, other] = last_bytes(id);
    let position = |byte: u32| GENRE_BITS.saturating_add(byte % CERTIFICATION_BITS);
    bit(position(one)) | bit(position(other))
}

const fn decade_of(year: i64) -> i64 {
    year.div_euclid(10)
}

fn decade_bit(decade: i64) -> i64 {
    let position = u32::try_from(decade.rem_euclid(DECADE_BITS.into())).unwrap_or_default();
    bit(GENRE_BITS.saturating_add(CERTIFICATION_BITS).saturating_add(position))
}

/// The last two bytes of an identifier, which are random.
fn last_bytes(id: Uuid) -> [u32; 2] {
    let [.., one, other] = id.into_bytes();
    [one.into(), other.into()]
}

const fn bit(position: u32) -> i64 {
    1_i64.wrapping_shl(position)
}

#[cfg(test)]
mod tests {
    use diesel::sql_types::BigInt;
    use domain::{
        catalog::MovieRepository,
        id::{GenreId, Id, MovieId},
    };

    use super::*;
    use crate::{
        dialect::{DbUuid, SqlId},
        plan::{FILTER_BITS_MIGRATION, filled},
        unit_of_work::UnitOfWork,
    };

    async fn first_movie(unit: &mut UnitOfWork) -> Movie {
        let statement =
            Statement::<(SqlId,)>::new("SELECT movie_id FROM movie_genres ORDER BY movie_id LIMIT 1");
        let (id,): (DbUuid,) = unit.first(statement).await.unwrap().unwrap();
        unit.find_movie_for_update(MovieId::from_uuid(id.0)).await.unwrap().unwrap()
    }

    /// The bits of a movie, followed by the bits of its links to genres.
    async fn stored_bits(unit: &mut UnitOfWork, id: MovieId) -> Vec<i64> {
        let mut statement = Statement::<(BigInt,)>::new("SELECT filter_bits FROM movies WHERE id = ");
        statement.bind(id.as_uuid()).sql(" UNION ALL SELECT filter_bits FROM movie_genres WHERE movie_id = ");
        statement.bind(id.as_uuid());
        unit.load::<(i64,), _>(statement).await.unwrap().into_iter().map(|(bits,)| bits).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_migration_computes_the_bits_of_existing_movies() {
        let Some((database, _guard)) = filled().await else { return };
        let (_, rest) = FILTER_BITS_MIGRATION.split_once("ALTER TABLE movie_genres").unwrap();
        let (_, rest) = rest.split_once(";\n").unwrap();
        let (computing, _) = rest.split_once("CREATE INDEX movies_by_year").unwrap();
        let mut unit = UnitOfWork::begin(&database).await.unwrap();
        let movie = first_movie(&mut unit).await;
        assert_eq!(stored_bits(&mut unit, movie.id).await, [i64::MAX; 2], "the default is all bits");
        for statement in computing.split_terminator(";\n") {
            unit.execute(Statement::<()>::new(statement.to_owned())).await.unwrap();
        }
        assert_eq!(stored_bits(&mut unit, movie.id).await, [bits_of(&movie); 2]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_movie_and_its_links_have_the_bits_of_its_current_values() {
        let Some((database, _guard)) = filled().await else { return };
        let mut unit = UnitOfWork::begin(&database).await.unwrap();
        let mut movie = first_movie(&mut unit).await;
        movie.id = Id::from_uuid(Uuid::from_u128(77));
        movie.identity.name = "Another".into();
        assert_eq!(unit.insert_movies(std::slice::from_ref(&movie)).await.unwrap(), [movie.id]);
        assert_eq!(stored_bits(&mut unit, movie.id).await, [bits_of(&movie); 2]);
        let before = bits_of(&movie);
        movie.identity.year += 30;
        unit.update_movie(&movie).await.unwrap();
        assert_eq!(stored_bits(&mut unit, movie.id).await, [bits_of(&movie); 2]);
        assert_ne!(before, bits_of(&movie));
        let genres: Vec<GenreId> = std::mem::take(&mut movie.genre_ids);
        unit.update_movie(&movie).await.unwrap();
        assert_eq!(stored_bits(&mut unit, movie.id).await, [bits_of(&movie)]);
        assert_eq!(genres.len(), 1);
    }

    fn mask(values: impl IntoIterator<Item = i64>) -> Mask {
        Mask(values.into_iter().collect())
    }

    #[test]
    fn genres_certifications_and_decades_have_separate_bits() {
        let id = Uuid::from_u128(0x0201);
        assert_eq!(Mask::of_genres(&[id]), Some(mask([1 << 1 | 1 << 2])));
        assert_eq!(Mask::of_certifications(&[id]), Some(mask([1 << 41 | 1 << 42])));
        assert_eq!(Mask::of_years(1_995, 1_995), Some(mask([1 << (52 + 199 % 11)])));
        let all = |bits: fn(Uuid) -> i64| (0..256).fold(0, |all, byte| all | bits(Uuid::from_u128(byte)));
        assert_eq!(all(genre_bits), (1 << 40) - 1);
        assert_eq!(all(certification_bits), ((1 << 12) - 1) << 40);
        assert_eq!((0..11).fold(0, |all, decade| all | decade_bit(decade)), ((1 << 11) - 1) << 52);
    }

    #[test]
    fn only_a_condition_with_1_to_8_values_has_a_mask() {
        assert_eq!(Mask::of_years(1_999, 2_000), Some(mask([decade_bit(199), decade_bit(200)])));
        assert!(Mask::of_years(1_930, 2_009).is_some());
        assert_eq!(Mask::of_years(1_930, 2_010), None, "too many decades");
        assert_eq!(Mask::of_years(0, i64::MAX), None, "too many decades");
        assert_eq!(Mask::of_years(2_000, 1_900), None, "no year");
        let genres: Vec<Uuid> = (0..20).map(Uuid::from_u128).collect();
        assert_eq!(Mask::of_genres(&genres[..8]).unwrap().0.len(), 8);
        assert_eq!(Mask::of_genres(&genres), None);
    }
}
