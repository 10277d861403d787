//! The bodies of the library.

use domain::library::LibraryItem;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    catalog::bodies::{MovieBody, movie_example},
    moment::Moment,
};

/// A movie that the caller bought.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LibraryItem", example = item_example())]
pub(crate) struct LibraryItemBody {
    #[serde(flatten)]
    movie: MovieBody,
    purchased_at: Moment,
    /// Whether it cannot be watched now, because its payment is disputed.
    is_suspended: bool,
}

impl From<LibraryItem> for LibraryItemBody {
    fn from(item: LibraryItem) -> Self {
        Self {
            movie: item.movie.into(),
            purchased_at: Moment(item.purchased_at),
            is_suspended: item.is_suspended,
        }
    }
}

fn item_example() -> Value {
    let mut item = movie_example();
    if let Some(fields) = item.as_object_mut() {
        fields.insert("purchased_at".to_owned(), json!("2026-11-22T10:00:00Z"));
        fields.insert("is_suspended".to_owned(), json!(false));
        if let Some(me) = fields.get_mut("me").and_then(Value::as_object_mut) {
            me.insert("purchased".to_owned(), json!(true));
        }
    }
    item
}
