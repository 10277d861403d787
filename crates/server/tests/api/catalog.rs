//! Cases about the catalogue.

mod caching;
mod detail;
mod facets;
mod filters;
mod list;
mod moderation;
mod name_changes;
mod names;
mod paging;
mod posters;
mod search;
mod similar;
mod sorting;
mod visibility;

use serde_json::Value;

use crate::support::{Answer, Case};

pub(crate) fn cases() -> Vec<Case> {
    [
        caching::cases(),
        detail::cases(),
        facets::cases(),
        filters::cases(),
        list::cases(),
        moderation::cases(),
        name_changes::cases(),
        names::cases(),
        paging::cases(),
        posters::cases(),
        search::cases(),
        similar::cases(),
        sorting::cases(),
        visibility::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns the names of a list's items, in order.
fn names(list: &Answer) -> Vec<String> {
    assert_eq!(list.status, 200, "{list}");
    texts(&list.json(), "name")
}

fn texts(list: &Value, member: &str) -> Vec<String> {
    let items = list["items"].as_array().expect("`items` is a list");
    items.iter().map(|item| item[member].as_str().expect("the member is a text").to_owned()).collect()
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

/// Encodes a text for a query string.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}
