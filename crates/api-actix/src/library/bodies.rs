//! The movies of the caller's library, and playback positions, in requests and responses, as JSON.

use app::library::{OfferedSubtitles, Playback};
use domain::library::{LibraryItem, Progress, StartedMovie};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    catalog::bodies::{MovieBody, movie_example},
    extract::inputs,
    moment::Moment,
};

/// The greatest integer that JavaScript clients represent exactly (2⁵³ − 1).
const MAX_SECONDS: i64 = 9_007_199_254_740_991;

/// A movie that the caller bought.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "LibraryItem", example = item_example())]
pub(crate) struct LibraryItemBody {
    #[serde(flatten)]
    movie: MovieBody,
    purchased_at: Moment,
    /// Whether the movie currently cannot be watched because its payment is disputed.
    is_suspended: bool,
}

impl LibraryItemBody {
    /// Creates the body. The URLs of uploaded posters begin with `public_url`.
    pub(crate) fn new(item: LibraryItem, public_url: &str) -> Self {
        Self {
            movie: MovieBody::new(item.movie, public_url),
            purchased_at: Moment(item.purchased_at),
            is_suspended: item.is_suspended,
        }
    }
}

/// A movie that the caller has begun to watch.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "StartedMovie", example = started_example())]
pub(crate) struct StartedMovieBody {
    #[serde(flatten)]
    item: LibraryItemBody,
    /// The position of the player, in seconds from the beginning.
    #[schemars(range(min = 0))]
    position_seconds: i64,
    /// When the player was at this position.
    at: Moment,
}

impl StartedMovieBody {
    /// Creates the body. The URLs of uploaded posters begin with `public_url`.
    pub(crate) fn new(movie: StartedMovie, public_url: &str) -> Self {
        Self {
            item: LibraryItemBody::new(movie.item, public_url),
            position_seconds: movie.progress.position_seconds,
            at: Moment(movie.progress.at),
        }
    }
}

/// The position of the player.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ProgressInput", example = json!({"position_seconds": 1_800, "at": "2026-11-22T10:00:00Z"}))]
pub(crate) struct ProgressInput {
    /// The position in seconds from the beginning. A position after the end means the end.
    #[schemars(range(min = 0, max = MAX_SECONDS))]
    pub(crate) position_seconds: i64,
    /// When the player was at this position; the current time by default. A time in the future is replaced with the
    /// current time.
    #[schemars(extend("x-clears" = true))]
    pub(crate) at: Option<Moment>,
}

/// Whether a movie has been watched.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "WatchedInput", example = json!({"is_watched": true}))]
pub(crate) struct WatchedInput {
    pub(crate) is_watched: bool,
}

inputs!(ProgressInput, WatchedInput);

/// How far the caller has watched a movie.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(
    rename = "Progress",
    example = json!({"position_seconds": 1_800, "at": "2026-11-22T10:00:00Z", "is_watched": false})
)]
pub(crate) struct ProgressBody {
    /// The position of the player, in seconds from the beginning.
    #[schemars(range(min = 0))]
    position_seconds: i64,
    /// When the player was at this position.
    at: Moment,
    is_watched: bool,
}

impl From<Progress> for ProgressBody {
    fn from(progress: Progress) -> Self {
        Self {
            position_seconds: progress.position_seconds,
            at: Moment(progress.at),
            is_watched: progress.is_watched,
        }
    }
}

/// The URLs and the position for watching a bought movie.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Playback", example = playback_example())]
pub(crate) struct PlaybackBody {
    /// The URL of the film. Requests to this URL need no token.
    #[schemars(extend("format" = "uri"))]
    url: String,
    /// When the URLs expire. They are valid for the running time of the movie plus four hours.
    expires_at: Moment,
    /// The time from which a player should request new URLs.
    refresh_after: Moment,
    /// The position to start from, in seconds.
    #[schemars(range(min = 0))]
    position_seconds: i64,
    /// The subtitles of the film, sorted by language.
    subtitles: Vec<SubtitlesBody>,
}

/// The subtitles of a film in one language.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Subtitles")]
struct SubtitlesBody {
    /// The tag of the language (RFC 5646).
    language: String,
    /// The name of the language for the user.
    label: String,
    /// The URL of the WebVTT file.
    #[schemars(extend("format" = "uri"))]
    url: String,
}

impl From<OfferedSubtitles> for SubtitlesBody {
    fn from(subtitles: OfferedSubtitles) -> Self {
        Self {
            language: subtitles.language.to_string(),
            label: subtitles.language.label(),
            url: subtitles.url,
        }
    }
}

impl From<Playback> for PlaybackBody {
    fn from(playback: Playback) -> Self {
        Self {
            url: playback.url,
            expires_at: Moment(playback.expires_at),
            refresh_after: Moment(playback.refresh_after),
            position_seconds: playback.position_seconds,
            subtitles: playback.subtitles.into_iter().map(Into::into).collect(),
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

fn started_example() -> Value {
    let mut item = item_example();
    if let Some(fields) = item.as_object_mut() {
        fields.insert("position_seconds".to_owned(), json!(1_800));
        fields.insert("at".to_owned(), json!("2026-11-22T20:00:00Z"));
    }
    item
}

fn playback_example() -> Value {
    json!({
        "url": "https://cinema.example/media/films/AZChsgAAcACAAAAAAAAAAA.c2lnbmF0dXJl",
        "expires_at": "2026-11-23T02:42:00Z",
        "refresh_after": "2026-11-23T01:42:00Z",
        "position_seconds": 1_800,
        "subtitles": [{
            "language": "de",
            "label": "Deutsch",
            "url": "https://cinema.example/media/subtitles/AZChsgAAcACAAAAAAAAAAGRl.c2lnbmF0dXJl",
        }],
    })
}
