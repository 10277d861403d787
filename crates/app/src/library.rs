//! The library of a user: the movies that the user bought, and how they are watched.

mod address;
mod attach;
mod list;
mod playback;
mod progress;
mod watch;

use std::sync::Arc;

use domain::{
    catalog::SearchQueries,
    entropy::Signer,
    id::IdGenerator,
    library::{FilmStore, LibraryQueries, LibraryStore},
    media::MediaStore,
    time::{Backoff, Clock},
};

pub use attach::AttachError;
pub use list::FoundPurchases;
pub use playback::{OfferedSubtitles, Playback, PlaybackError};
pub use watch::{WatchError, WatchedFilm, WatchedSubtitles};

use crate::paging::CursorCodec;

/// The use cases of the library.
pub struct Library {
    /// Stores how far users have watched movies, and which files belong to which movie.
    pub store: Arc<dyn LibraryStore>,
    /// Reads libraries.
    pub queries: Arc<dyn LibraryQueries>,
    /// Reads the search index, to interpret searches.
    pub words: Arc<dyn SearchQueries>,
    /// Stores films: the video files of movies.
    pub films: Arc<dyn FilmStore>,
    /// Stores subtitles.
    pub media: Arc<dyn MediaStore>,
    /// Signs and verifies the addresses (URLs) of films and subtitles.
    pub signer: Arc<dyn Signer>,
    /// Writes and reads cursors.
    pub cursors: CursorCodec,
    /// Provides the current time.
    pub clock: Arc<dyn Clock>,
    /// Waits before a transaction is retried after a conflict with a concurrent one.
    pub backoff: Arc<dyn Backoff>,
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
    /// The public URL of the server, without a trailing slash.
    pub public_url: String,
}
