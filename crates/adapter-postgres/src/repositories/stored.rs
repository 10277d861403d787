//! What repositories hand to the `bulk` of each database.

use domain::{
    audit::AuditState,
    catalog::{Movie, Poster},
};
use uuid::Uuid;

/// A name to be written: its identifier, the name, and its key.
pub(crate) struct NewName {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) key: String,
}

/// A link to be written from a movie to a name.
pub(crate) struct NewLink {
    pub(crate) movie_id: Uuid,
    pub(crate) name_id: Uuid,
    pub(crate) position: i32,
}

/// The address of a poster elsewhere on the web.
pub(crate) fn poster_address(movie: &Movie) -> Option<String> {
    match &movie.poster {
        Some(Poster::Address(address)) => Some(address.clone()),
        Some(Poster::Uploaded(_)) | None => None,
    }
}

/// A state as it is stored: a JSON object of texts.
pub(crate) fn written(state: Option<&AuditState>) -> Option<String> {
    let fields = state?.fields().map(|(name, text)| (name.to_owned(), text.into()));
    Some(serde_json::Value::Object(fields.collect()).to_string())
}
