//! A summary of what a movie can be filtered by: bits of one integer, stored in `movies` and in the links to genres.
//!
//! The indexes of these tables contain the integer. A list with several filters compares the bits while it reads an
//! index, and reads only the rows of movies that may match. Several values can share a bit, as in a Bloom filter, so the
//! exact values of these movies are checked afterwards.

use domain::catalog::Movie;
use uuid::Uuid;

use crate::statement::Statement;

/// The number of bits for genres, starting at the lowest bit.
const GENRE_BITS: u32 = 40;
/// The number of bits for certifications, which follow those for genres.
const CERTIFICATION_BITS: u32 = 12;
/// The number of bits for decades, which follow those for certifications. The sign bit is not used.
const DECADE_BITS: u32 = 11;

/// The bits of a movie. The migration that adds the column computes the same bits.
pub(crate) fn bits_of(movie: &Movie) -> i64 {
    let genres = movie.genre_ids.iter().map(|id| genre_bit(id.as_uuid()));
    let decade = decade_bit(decade_of(movie.identity.year.into()));
    genres.fold(certification_bit(movie.certification_id.as_uuid()) | decade, |bits, bit| bits | bit)
}

/// The bits of which a movie of any of these genres has at least one.
pub(crate) fn bits_of_genres(ids: &[Uuid]) -> i64 {
    ids.iter().fold(0, |bits, id| bits | genre_bit(*id))
}

/// The bits of which a movie of any of these certifications has at least one.
pub(crate) fn bits_of_certifications(ids: &[Uuid]) -> i64 {
    ids.iter().fold(0, |bits, id| bits | certification_bit(*id))
}

/// The bits of which a movie of these years, both inclusive, has at least one; `None` if every movie may have one.
pub(crate) fn bits_of_years(min: i64, max: i64) -> Option<i64> {
    let decades = decade_of(min)..=decade_of(max);
    let count = decades.end().saturating_sub(*decades.start());
    (count < i64::from(DECADE_BITS)).then(|| decades.fold(0, |bits, decade| bits | decade_bit(decade)))
}

/// Adds `AND …` for each mask: the row of this table has at least one of its bits.
pub(crate) fn push_masks<ST>(statement: &mut Statement<ST>, table: &'static str, masks: &[i64]) {
    for mask in masks {
        statement.sql(" AND (").sql(table).sql(".filter_bits & ").bind(*mask).sql(") <> 0");
    }
}

fn genre_bit(id: Uuid) -> i64 {
    bit(last_byte(id) % GENRE_BITS)
}

fn certification_bit(id: Uuid) -> i64 {
    bit(GENRE_BITS.saturating_add(last_byte(id) % CERTIFICATION_BITS))
}

const fn decade_of(year: i64) -> i64 {
    year.div_euclid(10)
}

fn decade_bit(decade: i64) -> i64 {
    let position = u32::try_from(decade.rem_euclid(DECADE_BITS.into())).unwrap_or_default();
    bit(GENRE_BITS.saturating_add(CERTIFICATION_BITS).saturating_add(position))
}

/// The last byte of an identifier is random.
fn last_byte(id: Uuid) -> u32 {
    let [.., last] = id.into_bytes();
    last.into()
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

    /// The bits of a movie, followed by those of its links to genres.
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
        assert_eq!(stored_bits(&mut unit, movie.id).await, [i64::MAX; 2], "written without bits");
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

    #[test]
    fn every_kind_has_its_own_bits() {
        let id = Uuid::from_u128(1);
        assert_eq!(bits_of_genres(&[id]), 1 << 1);
        assert_eq!(bits_of_certifications(&[id]), 1 << 41);
        assert_eq!(bits_of_years(1_995, 1_995), Some(1 << (52 + 199 % 11)));
        let all: Vec<Uuid> = (0..256).map(Uuid::from_u128).collect();
        assert_eq!(bits_of_genres(&all), (1 << 40) - 1);
        assert_eq!(bits_of_certifications(&all), ((1 << 12) - 1) << 40);
        assert_eq!(bits_of_years(1_900, 2_009), Some(((1 << 11) - 1) << 52));
    }

    #[test]
    fn a_range_has_the_bits_of_all_its_decades() {
        assert_eq!(bits_of_years(1_999, 2_000), Some(decade_bit(199) | decade_bit(200)));
        assert_eq!(bits_of_years(2_000, 1_900), Some(0), "no year");
        assert_eq!(bits_of_years(1_900, 2_010), None, "more decades than bits");
    }
}
