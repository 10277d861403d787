//! `cinema dev generate-movies`: generates a large catalogue of invented movies for benchmarks. Equal seeds give equal
//! movies.

mod words;

use std::{collections::HashSet, process::ExitCode};

use domain::{
    catalog::{Facts, MovieIdentity},
    money::{Currency, Money},
};
use movie_files::json_line;

use self::words::{CERTIFICATIONS, FAMILY_NAMES, FIRST_WORDS, GENRES, GIVEN_NAMES, PLACES, SECOND_WORDS};
use super::{failure::Failure, output::Output};

/// The prices of movies, in cents.
const PRICES: [i64; 6] = [499, 699, 899, 999, 1_299, 1_499];

/// The number of different people: 60 given names times 90 family names.
const PEOPLE: u64 = 5_400;

/// Prints the movies as JSON Lines.
pub(super) fn run(count: u64, seed: u64) -> Result<ExitCode, Failure> {
    let mut output = Output::new();
    for facts in Movies::new(seed, "USD".parse()?).take(usize::try_from(count).unwrap_or(usize::MAX)) {
        output.line(&json_line(&facts.into()))?;
    }
    output.finish()
}

/// A pseudo-random number generator (`SplitMix64`, Steele, Lea and Flood 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a nearly uniformly distributed number below the bound.
    fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or_default()
    }

    /// Returns a number below the bound. Small numbers are far more likely than large ones.
    fn low(&mut self, bound: u64) -> u64 {
        let first = self.below(bound).saturating_add(1);
        self.below(first)
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        at(words, self.below(count(words)))
    }
}

fn count<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or_default()
}

fn at<T: Copy + Default>(items: &[T], index: u64) -> T {
    usize::try_from(index).ok().and_then(|index| items.get(index)).copied().unwrap_or_default()
}

fn small(number: u64) -> i32 {
    i32::try_from(number).unwrap_or_default()
}

/// An endless iterator of movies. No two have the same name, year and running time.
struct Movies {
    numbers: Numbers,
    currency: Currency,
    seen: HashSet<(String, i32, i32)>,
}

impl Movies {
    fn new(seed: u64, currency: Currency) -> Self {
        Self { numbers: Numbers(seed), currency, seen: HashSet::new() }
    }

    fn identity(&mut self) -> MovieIdentity {
        let mut numbers = |bound| self.numbers.below(bound);
        let form = numbers(10);
        let part = numbers(40);
        // Recent years are more likely.
        let year = 2_025_i32.saturating_sub(small(self.numbers.low(110)));
        let minutes =
            small(70_u64.saturating_add(self.numbers.below(55)).saturating_add(self.numbers.low(70)));
        let first = self.numbers.pick(&FIRST_WORDS);
        let second = self.numbers.pick(&SECOND_WORDS);
        let place = self.numbers.pick(&PLACES);
        let mut name = match form {
            0 | 1 => format!("The {first} {second}"),
            2 => format!("{first} {second}"),
            3 => format!("{second} of {place}"),
            4 => format!("A {second} in {place}"),
            5 | 6 => format!("The {first} {second} of {place}"),
            7 => format!("{place}, {first} {second}"),
            8 => format!("{first} {second}: The {place} Story"),
            _ => format!("The {second} and the {first} {}", self.numbers.pick(&SECOND_WORDS)),
        };
        if part < 4 {
            name = format!("{name} {}", part.saturating_add(2));
        }
        while !self.seen.insert((name.clone(), year, minutes)) {
            name.push_str(" Again");
        }
        MovieIdentity { name, year, duration_minutes: minutes }
    }

    /// Returns the name of a random person. A few people take part in many movies, most people in few.
    fn person(&mut self) -> String {
        let number = self.numbers.low(PEOPLE);
        let given = at(&GIVEN_NAMES, number.checked_rem(count(&GIVEN_NAMES)).unwrap_or_default());
        let family = at(&FAMILY_NAMES, number.checked_div(count(&GIVEN_NAMES)).unwrap_or_default());
        format!("{given} {family}")
    }

    /// Chooses people at random, and returns their names. It chooses at least `least` and less than `least + more` times.
    /// A person who was chosen twice is returned once.
    fn people(&mut self, least: u64, more: u64) -> Vec<String> {
        let wanted = least.saturating_add(self.numbers.below(more));
        let mut people: Vec<String> = Vec::new();
        for _ in 0..wanted {
            let person = self.person();
            if !people.contains(&person) {
                people.push(person);
            }
        }
        people
    }

    fn genres(&mut self) -> Vec<String> {
        let mut genres: Vec<String> = Vec::new();
        for _ in 0..=self.numbers.below(3) {
            let genre = at(&GENRES, self.numbers.low(count(&GENRES)));
            if !genres.iter().any(|known| known == genre) {
                genres.push(genre.to_owned());
            }
        }
        genres
    }
}

impl Iterator for Movies {
    type Item = Facts;

    fn next(&mut self) -> Option<Facts> {
        let identity = self.identity();
        // Ratings are from 3.0 to 9.3, and most of them are near 6.
        let tenths = (0..3).fold(30_u64, |sum, _| sum.saturating_add(self.numbers.below(22)));
        let magnitude = self.numbers.low(6);
        let votes = self.numbers.below(9_000).saturating_add(100);
        let votes = (0..magnitude).fold(votes, |votes, _| votes.saturating_mul(3));
        let has_score = self.numbers.below(5) > 0;
        let score = self.numbers.below(70).saturating_add(25);
        let has_gross = self.numbers.below(3) > 0;
        let gross = votes.saturating_mul(self.numbers.below(400).saturating_add(20));
        Some(Facts {
            identity,
            imdb: f64::from(small(tenths)) / 10.0,
            votes: i64::try_from(votes).unwrap_or_default(),
            meta_score: has_score.then(|| f64::from(small(score))),
            gross: has_gross.then(|| i64::try_from(gross).unwrap_or_default()),
            description: String::new(),
            price: Money::from_minor(at(&PRICES, self.numbers.below(count(&PRICES))), self.currency),
            certification: at(&CERTIFICATIONS, self.numbers.low(count(&CERTIFICATIONS))).to_owned(),
            genres: self.genres(),
            directors: self.people(1, 2),
            stars: self.people(2, 5),
            poster_url: None,
            trailer_url: None,
            imdb_id: None,
            tmdb_id: None,
            sort_name: None,
            is_available: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn movies(seed: u64, count: usize) -> Vec<Facts> {
        Movies::new(seed, "USD".parse().unwrap()).take(count).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_movies() {
        assert_eq!(movies(1, 500), movies(1, 500));
        assert_ne!(movies(1, 500), movies(2, 500));
    }

    #[test]
    fn every_movie_is_acceptable_and_no_two_are_the_same() {
        let movies = movies(1, 20_000);
        let identities: HashSet<_> = movies.iter().map(|movie| movie.identity.clone()).collect();
        assert_eq!(identities.len(), movies.len());
        for movie in movies {
            let name = movie.identity.name.clone();
            assert!(movie.check(2026).is_ok(), "{name}");
        }
    }

    #[test]
    fn years_people_and_genres_vary_as_in_a_real_catalogue() {
        let movies = movies(1, 10_000);
        let years: HashSet<_> = movies.iter().map(|movie| movie.identity.year).collect();
        let stars: HashSet<_> = movies.iter().flat_map(|movie| &movie.stars).collect();
        let dramas = movies.iter().filter(|movie| movie.genres.iter().any(|genre| genre == "Drama")).count();
        assert!(years.len() > 90, "{}", years.len());
        assert!(stars.len() > 4_000, "{}", stars.len());
        assert!((2_000..6_000).contains(&dramas), "{dramas}");
    }
}
