//! Movies for the cases: a dozen real movies, whose values differ so that lists of them can be sorted and filtered.

use domain::{
    catalog::{Facts, MovieIdentity},
    money::Money,
};

/// Returns a movie with this title and year, and default values.
pub(crate) fn facts(name: &str, year: i32) -> Facts {
    Facts {
        identity: MovieIdentity { name: name.to_owned(), year, duration_minutes: 100 },
        imdb: 7.5,
        votes: 1_000,
        meta_score: None,
        gross: None,
        description: format!("{name}, as it is told."),
        price: Money::from_minor(999, "USD".parse().unwrap()),
        certification: "PG-13".to_owned(),
        genres: vec!["Drama".to_owned()],
        directors: vec!["Agnès Varda".to_owned()],
        stars: vec!["Jean Gabin".to_owned(), "Michèle Morgan".to_owned()],
        poster_url: None,
        trailer_url: None,
        imdb_id: None,
        tmdb_id: None,
        sort_name: None,
        is_available: true,
    }
}

/// Name, year, duration in minutes, IMDb rating, number of votes, price in cents, certification and genres.
type Row = (&'static str, i32, i32, f64, i64, i64, &'static str, &'static [&'static str]);

const ROWS: [Row; 12] = [
    ("The Godfather", 1972, 175, 9.2, 1_620_367, 1_299, "A", &["Crime", "Drama"]),
    ("The Godfather: Part II", 1974, 202, 9.0, 1_129_952, 1_299, "A", &["Crime", "Drama"]),
    ("12 Angry Men", 1957, 96, 9.0, 689_845, 499, "U", &["Crime", "Drama"]),
    ("Amélie", 2001, 122, 8.3, 703_810, 999, "U/A", &["Comedy", "Romance"]),
    ("Alien", 1979, 117, 8.4, 787_806, 799, "R", &["Horror", "Sci-Fi"]),
    ("Aliens", 1986, 137, 8.3, 652_719, 799, "U/A", &["Action", "Adventure", "Sci-Fi"]),
    ("Blade Runner", 1982, 117, 8.1, 693_827, 899, "UA", &["Action", "Sci-Fi", "Thriller"]),
    ("Élite Squad", 2007, 115, 8.0, 98_320, 599, "R", &["Action", "Crime", "Drama"]),
    ("M", 1931, 117, 8.3, 143_434, 0, "Passed", &["Crime", "Mystery", "Thriller"]),
    ("Metropolis", 1927, 153, 8.3, 159_992, 299, "Not Rated", &["Drama", "Sci-Fi"]),
    ("Zootopia", 2016, 108, 8.0, 434_143, 1_499, "U", &["Animation", "Adventure", "Comedy"]),
    ("aftersun", 2022, 102, 7.6, 71_000, 1_499, "R", &["Drama"]),
];

/// Returns the movies of `ROWS`, in the same order.
pub(crate) fn small_catalogue() -> Vec<Facts> {
    let movie = |&(name, year, duration_minutes, imdb, votes, price, certification, genres): &Row| Facts {
        identity: MovieIdentity { name: name.to_owned(), year, duration_minutes },
        imdb,
        votes,
        price: Money::from_minor(price, "USD".parse().unwrap()),
        certification: certification.to_owned(),
        genres: genres.iter().map(|&genre| genre.to_owned()).collect(),
        ..facts(name, year)
    };
    let mut movies: Vec<_> = ROWS.iter().map(movie).collect();
    let amelie = movies.iter_mut().find(|movie| movie.identity.name == "Amélie").unwrap();
    amelie.meta_score = Some(69.0);
    amelie.gross = Some(33_225_499);
    amelie.directors = vec!["Jean-Pierre Jeunet".to_owned()];
    amelie.stars = vec!["Audrey Tautou".to_owned(), "Mathieu Kassovitz".to_owned(), "Rufus".to_owned()];
    amelie.poster_url = Some("https://images.example.com/amelie.jpg".to_owned());
    movies
}
