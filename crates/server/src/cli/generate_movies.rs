//! A large made-up catalogue for benchmarks: the same movies for the same seed.

use std::{collections::HashSet, process::ExitCode};

use domain::{
    catalog::{Facts, MovieIdentity},
    money::{Currency, Money},
};

use super::{Failure, output::Output};
use crate::movie_files::line_of;

const FIRST_WORDS: [&str; 48] = [
    "Silent",
    "Crimson",
    "Broken",
    "Golden",
    "Last",
    "Hidden",
    "Burning",
    "Frozen",
    "Distant",
    "Hollow",
    "Electric",
    "Midnight",
    "Savage",
    "Gentle",
    "Forgotten",
    "Endless",
    "Paper",
    "Iron",
    "Velvet",
    "Wild",
    "Lonely",
    "Bright",
    "Secret",
    "Stolen",
    "Sleeping",
    "Falling",
    "Rising",
    "Wandering",
    "Perfect",
    "Quiet",
    "Scarlet",
    "Emerald",
    "Ancient",
    "Modern",
    "Foreign",
    "Native",
    "Ordinary",
    "Strange",
    "Final",
    "First",
    "Second",
    "Bitter",
    "Sweet",
    "Tender",
    "Reckless",
    "Faithful",
    "Invisible",
    "Restless",
];

const SECOND_WORDS: [&str; 56] = [
    "River",
    "Mountain",
    "City",
    "Garden",
    "Letter",
    "Stranger",
    "Horizon",
    "Machine",
    "Kingdom",
    "Harbour",
    "Forest",
    "Promise",
    "Witness",
    "Shadow",
    "Summer",
    "Winter",
    "Circus",
    "Orchestra",
    "Lighthouse",
    "Detective",
    "Dancer",
    "Soldier",
    "Painter",
    "Voyage",
    "Island",
    "Station",
    "Empire",
    "Mirror",
    "Clock",
    "Bridge",
    "Desert",
    "Storm",
    "Feast",
    "Trial",
    "Escape",
    "Return",
    "Wedding",
    "Funeral",
    "Carnival",
    "Cathedral",
    "Highway",
    "Satellite",
    "Professor",
    "Magician",
    "Gambler",
    "Captain",
    "Daughter",
    "Brother",
    "Neighbour",
    "Rebellion",
    "Paradise",
    "Labyrinth",
    "Symphony",
    "Masquerade",
    "Avalanche",
    "Telegram",
];

const PLACES: [&str; 40] = [
    "Lisbon",
    "Kyoto",
    "Havana",
    "Oslo",
    "Marrakesh",
    "Prague",
    "Bombay",
    "Vienna",
    "Montreal",
    "Santiago",
    "Cairo",
    "Dublin",
    "Seoul",
    "Naples",
    "Chicago",
    "Odessa",
    "Istanbul",
    "Helsinki",
    "Lima",
    "Nairobi",
    "Berlin",
    "Shanghai",
    "Seville",
    "Warsaw",
    "Athens",
    "Glasgow",
    "Manila",
    "Reykjavik",
    "Tangier",
    "Bogotá",
    "Zürich",
    "Kraków",
    "Hanoi",
    "Marseille",
    "Boston",
    "Samarkand",
    "Valparaíso",
    "Tbilisi",
    "Antwerp",
    "Macau",
];

const GIVEN_NAMES: [&str; 60] = [
    "Anna", "Luis", "Mei", "Omar", "Ingrid", "Tomás", "Priya", "Jack", "Sofia", "Kenji", "Amara", "Pierre",
    "Olga", "Diego", "Fatima", "Henrik", "Yuki", "Grace", "Marco", "Leila", "Viktor", "Chloé", "Rajesh",
    "Elena", "Samuel", "Nadia", "Bruno", "Hana", "Felix", "Zoë", "Andrei", "Carmen", "Liam", "Aiko",
    "Youssef", "Greta", "Paulo", "Mina", "Oscar", "Ewa", "Dmitri", "Lucía", "Noah", "Sana", "Émile",
    "Katrin", "Hugo", "Ines", "Arjun", "Maeve", "Stefan", "Rosa", "Theo", "Lin", "Karim", "Astrid", "Mateo",
    "Vera", "Jonas", "Adaeze",
];

const FAMILY_NAMES: [&str; 90] = [
    "Moreau",
    "Tanaka",
    "Okafor",
    "Lindqvist",
    "García",
    "Novak",
    "Sharma",
    "Walker",
    "Rossi",
    "Kowalski",
    "Haddad",
    "Petrov",
    "Dubois",
    "Santos",
    "Kim",
    "Andersen",
    "Khan",
    "Murphy",
    "Weber",
    "Ivanova",
    "Castillo",
    "Nguyen",
    "Fischer",
    "Costa",
    "Bergman",
    "Singh",
    "O'Neill",
    "Laurent",
    "Yamamoto",
    "Mensah",
    "Horváth",
    "Silva",
    "Larsen",
    "Popescu",
    "Fernández",
    "Chen",
    "Martin",
    "Abadi",
    "Schmidt",
    "Romero",
    "Dvořák",
    "Nakamura",
    "Mbeki",
    "Fontaine",
    "Virtanen",
    "Bianchi",
    "Ortega",
    "Park",
    "Hansen",
    "Malik",
    "Byrne",
    "Becker",
    "Sokolova",
    "Vargas",
    "Tran",
    "Wagner",
    "Almeida",
    "Nyström",
    "Kapoor",
    "Doyle",
    "Girard",
    "Sato",
    "Adeyemi",
    "Szabó",
    "Pereira",
    "Dahl",
    "Ionescu",
    "Delgado",
    "Wong",
    "Bernard",
    "Farouk",
    "Keller",
    "Molina",
    "Černý",
    "Suzuki",
    "Diallo",
    "Leclerc",
    "Korhonen",
    "Conti",
    "Reyes",
    "Choi",
    "Madsen",
    "Aziz",
    "Quinn",
    "Vogel",
    "Orlova",
    "Herrera",
    "Le",
    "Braun",
    "Teixeira",
];

/// Genres, the common ones first.
const GENRES: [&str; 21] = [
    "Drama",
    "Comedy",
    "Action",
    "Crime",
    "Romance",
    "Adventure",
    "Thriller",
    "Horror",
    "Mystery",
    "Biography",
    "Animation",
    "Sci-Fi",
    "Fantasy",
    "History",
    "Family",
    "War",
    "Music",
    "Western",
    "Sport",
    "Musical",
    "Film-Noir",
];

const CERTIFICATIONS: [&str; 9] = ["R", "PG-13", "PG", "UA", "A", "U", "Not Rated", "G", "Approved"];

/// Prices in cents.
const PRICES: [i64; 6] = [499, 699, 899, 999, 1_299, 1_499];

/// How many people there are.
const PEOPLE: u64 = 5_400;

/// Prints the movies as JSON Lines.
pub(super) fn run(count: u64, seed: u64) -> Result<ExitCode, Failure> {
    let mut output = Output::new();
    for facts in Movies::new(seed, "USD".parse()?).take(usize::try_from(count).unwrap_or(usize::MAX)) {
        output.line(&line_of(facts))?;
    }
    output.finish()
}

/// Numbers that look like chance and are the same for the same seed (`SplitMix64`, Steele, Lea and Flood 2014).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below the bound, each as likely.
    fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or_default()
    }

    /// Below the bound, small ones far more likely: the product of two chances.
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

/// Movies without end, no two with the same name, year and duration.
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
        // More of them lately than long ago.
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

    /// A person; a few are in many movies, most in few.
    fn person(&mut self) -> String {
        let number = self.numbers.low(PEOPLE);
        let given = at(&GIVEN_NAMES, number.checked_rem(count(&GIVEN_NAMES)).unwrap_or_default());
        let family = at(&FAMILY_NAMES, number.checked_div(count(&GIVEN_NAMES)).unwrap_or_default());
        format!("{given} {family}")
    }

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
        // Tenths from 3.0 to 9.3, most about 6.5.
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
    fn the_catalogue_has_the_spread_of_a_real_one() {
        let movies = movies(1, 10_000);
        let years: HashSet<_> = movies.iter().map(|movie| movie.identity.year).collect();
        let stars: HashSet<_> = movies.iter().flat_map(|movie| &movie.stars).collect();
        let dramas = movies.iter().filter(|movie| movie.genres.iter().any(|genre| genre == "Drama")).count();
        assert!(years.len() > 90, "{}", years.len());
        assert!(stars.len() > 4_000, "{}", stars.len());
        assert!((2_000..6_000).contains(&dramas), "{dramas}");
    }
}
