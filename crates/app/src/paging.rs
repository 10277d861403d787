//! Cursors: positions in a list that clients can store, but can neither forge nor use for another list.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{
    entropy::Signer,
    page::{InvalidPage, Page, PageRequest, Position, SortValue, Start, Total},
    store::StoreError,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The requested page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageSelection {
    /// A page by its number.
    Numbered {
        /// The number, from 1.
        page: u32,
        /// The maximum number of items of the page.
        size: u32,
    },
    /// The items after a cursor.
    Cursor {
        /// The cursor, as an earlier page returned it.
        text: String,
        /// The maximum number of items of the page.
        size: u32,
    },
}

/// A page of a list for the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing<T> {
    /// The items, in order.
    pub items: Vec<T>,
    /// The total number of items; `None` when the page was requested by cursor.
    pub total: Option<Total>,
    /// The cursor of the next page; `None` on the last page.
    pub next_cursor: Option<String>,
    /// The number of the page; `None` when the page was requested by cursor.
    pub page: Option<u32>,
    /// The maximum number of items of a page.
    pub page_size: u32,
}

/// The cursor was not created by this server, or was created for another list, sort order or filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor does not belong to this list with this sort and these filters")]
pub struct InvalidCursor;

/// Why a list cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The cursor is not valid for this list; see [`InvalidCursor`].
    #[error(transparent)]
    Cursor(#[from] InvalidCursor),
    /// The number or size of the page is out of bounds.
    #[error(transparent)]
    Page(#[from] InvalidPage),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes and reads cursors.
#[derive(Clone)]
pub struct CursorCodec {
    signer: Arc<dyn Signer>,
}

/// A [`SortValue`] in the payload of a cursor. The names are short, so that cursors are short.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireValue {
    I(i64),
    R(f64),
    T(String),
}

/// The payload of a cursor.
#[derive(Serialize, Deserialize)]
struct WirePosition {
    v: Vec<WireValue>,
    id: String,
}

/// The first part of the signed data. Because of this part, a signature that the server made for another purpose is not
/// valid for a cursor.
const PURPOSE: &[u8] = b"cursor";

impl CursorCodec {
    /// Creates a codec that signs cursors with this signer.
    #[must_use]
    pub fn new(signer: Arc<dyn Signer>) -> Self {
        Self { signer }
    }

    /// Converts the requested page into a page request. `context` has the same meaning as in [`CursorCodec::encode`].
    ///
    /// # Errors
    /// When the cursor was not created by this server for this context, or the number or size of the page is out of
    /// bounds.
    pub fn request(&self, context: &str, selection: PageSelection) -> Result<PageRequest, ListError> {
        Ok(match selection {
            PageSelection::Numbered { page, size } => PageRequest::numbered(page, size)?,
            PageSelection::Cursor { text, size } => PageRequest::after(self.decode(context, &text)?, size)?,
        })
    }

    /// Converts a page into a listing for the caller.
    #[must_use]
    pub fn listing<T>(&self, context: &str, request: &PageRequest, page: Page<T>) -> Listing<T> {
        Listing {
            items: page.items,
            total: page.total,
            next_cursor: page.next.map(|position| self.encode(context, &position)),
            page: match request.start() {
                Start::Number(number) => Some(*number),
                Start::After(_) => None,
            },
            page_size: request.size(),
        }
    }

    /// Returns the cursor of a position. `context` identifies the list with its sort order and filters; the cursor is
    /// valid only for an equal context.
    #[must_use]
    pub fn encode(&self, context: &str, position: &Position) -> String {
        let values = position.values.iter().map(|value| match value {
            SortValue::Integer(value) => WireValue::I(*value),
            SortValue::Real(value) => WireValue::R(*value),
            SortValue::Text(value) => WireValue::T(value.clone()),
        });
        // A list of numbers and texts can always be serialized.
        let payload = serde_json::to_vec(&WirePosition { v: values.collect(), id: position.id.to_string() })
            .unwrap_or_default();
        let tag = self.signer.sign(&[PURPOSE, context.as_bytes(), &payload]);
        format!("{}.{}", URL_SAFE_NO_PAD.encode(payload), URL_SAFE_NO_PAD.encode(tag))
    }

    /// Returns the position of a cursor. `context` must be equal to the context with which [`CursorCodec::encode`] was
    /// called.
    ///
    /// # Errors
    /// When the cursor was not created by this server for this context.
    pub fn decode(&self, context: &str, cursor: &str) -> Result<Position, InvalidCursor> {
        let (payload, tag) = cursor.split_once('.').ok_or(InvalidCursor)?;
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| InvalidCursor)?;
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| InvalidCursor)?;
        if !self.signer.verify(&[PURPOSE, context.as_bytes(), &payload], &tag) {
            return Err(InvalidCursor);
        }
        let wire: WirePosition = serde_json::from_slice(&payload).map_err(|_| InvalidCursor)?;
        let values = wire.v.into_iter().map(|value| match value {
            WireValue::I(value) => SortValue::Integer(value),
            WireValue::R(value) => SortValue::Real(value),
            WireValue::T(value) => SortValue::Text(value),
        });
        let id = Uuid::try_parse(&wire.id).map_err(|_| InvalidCursor)?;
        Ok(Position { values: values.collect(), id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::SumSigner;

    fn position() -> Position {
        Position {
            values: vec![SortValue::Real(8.7), SortValue::Text("amelie".into()), SortValue::Integer(-3)],
            id: Uuid::from_u128(7),
        }
    }

    #[test]
    fn a_cursor_decodes_to_its_position() {
        let codec = CursorCodec::new(Arc::new(SumSigner));
        let cursor = codec.encode("by imdb", &position());
        assert_eq!(codec.decode("by imdb", &cursor), Ok(position()));
    }

    #[test]
    fn a_cursor_of_another_list_or_a_made_up_cursor_is_refused() {
        let codec = CursorCodec::new(Arc::new(SumSigner));
        let cursor = codec.encode("by imdb", &position());
        assert_eq!(codec.decode("by year", &cursor), Err(InvalidCursor));
        for bad in ["", ".", "e30.e30", "💥", &cursor[1..], &cursor[..cursor.len() - 3]] {
            assert_eq!(codec.decode("by imdb", bad), Err(InvalidCursor), "{bad}");
        }
    }
}
