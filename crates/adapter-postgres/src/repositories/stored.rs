//! Types and functions that the repositories share with the crate's module `bulk`. `adapter-sqlite` also compiles this
//! file, and has its own `bulk`.

use domain::{
    audit::AuditState,
    catalog::{Movie, Poster},
};
use uuid::Uuid;

/// The name of a genre, certification, director or star, to insert: its identifier, the name, and the key that makes
/// it unique.
pub(crate) struct NewName {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) key: String,
}

/// A link from a movie to the name of a genre, director or star, to insert. `position` is the place of the name in the
/// movie's list.
pub(crate) struct NewLink {
    pub(crate) movie_id: Uuid,
    pub(crate) name_id: Uuid,
    pub(crate) position: i32,
    /// The filter bits of the movie; see [`filter_bits`](crate::filter_bits).
    pub(crate) filter_bits: i64,
}

/// The only table of links that also stores the filter bits of the movies. A star or a director has too few movies for
/// the bits to save time.
pub(crate) const LINKS_WITH_BITS: &str = "movie_genres";

/// The URL of a movie's poster on another server; `None` without a poster, or when the poster was uploaded.
pub(crate) fn poster_address(movie: &Movie) -> Option<String> {
    match &movie.poster {
        Some(Poster::Address(address)) => Some(address.clone()),
        Some(Poster::Uploaded(_)) | None => None,
    }
}

/// Converts the values before or after an action, for the audit log, to their stored form: a JSON object whose
/// values are strings.
pub(crate) fn written(state: Option<&AuditState>) -> Option<String> {
    let fields = state?.fields().map(|(name, text)| (name.to_owned(), text.into()));
    Some(serde_json::Value::Object(fields.collect()).to_string())
}
