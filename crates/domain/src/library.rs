//! The library of a user: the movies that the user bought, and how they are watched.

mod films;
mod language;
mod ports;
mod progress;
mod subtitles;

pub use films::{FilmAccess, FilmSource, FilmStore, OpenedFilm, film_type};
pub use language::{InvalidLanguage, Language};
pub use ports::{
    BoughtMovie, LibraryItem, LibraryQueries, LibraryStore, LibraryUnit, MovieFile, MovieMediaRepository,
    MovieSubtitles, PlayableMovie, ProgressRepository, StartedMovie,
};
pub use progress::{BEGUN_FROM_PERCENT, Progress, RunningTime, WATCHED_ABOVE_PERCENT};
pub use subtitles::{InvalidSubtitles, check_subtitles};
