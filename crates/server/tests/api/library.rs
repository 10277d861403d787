//! The library: bought movies, and how they are watched.

mod list;
mod playback;
mod progress;
mod ranges;

use std::{fs::File, path::Path};

use crate::support::{Case, SignedIn, TestApp};

pub(crate) fn cases() -> Vec<Case> {
    [list::cases(), playback::cases(), progress::cases(), ranges::cases()].into_iter().flatten().collect()
}

/// The beginning of an MP4 file (ISO 14496-12).
const BEGINNING: &str = "\0\0\0\x20ftypisom";

/// Returns a film of this length in bytes. After [`BEGINNING`], it consists of increasing numbers, so that a wrong
/// range is detected.
fn film(length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = BEGINNING.bytes().collect();
    let mut number = 0_u32;
    while bytes.len() < length {
        bytes.extend(number.to_be_bytes());
        number += 1;
    }
    bytes.truncate(length);
    bytes
}

fn open(path: &Path) -> File {
    File::open(path).unwrap()
}

/// Returns the path at which the buyer can watch a movie.
async fn watched_at(app: &TestApp, buyer: &SignedIn, movie_id: &str) -> String {
    let playback = buyer.get(format!("/library/{movie_id}/playback")).await.expect(200).json();
    path_of(app, playback["url"].as_str().unwrap())
}

fn path_of(app: &TestApp, url: &str) -> String {
    url.strip_prefix(app.url()).expect("a URL of this server").to_owned()
}
