use chrono::{SubsecRound, TimeDelta};
use domain::{
    accounts::Actor,
    id::MovieId,
    library::{Language, Progress},
    store::StoreError,
    time::Instant,
};

use super::{Library, address::Address};

/// How long before the expiry of an address a player should request a new one.
const REFRESHED_BEFORE: TimeDelta = TimeDelta::hours(1);

/// The addresses (URLs) and the position for playing a bought movie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Playback {
    /// The address of the film. Anyone who has the address can watch the film until the address expires, the purchase
    /// is revoked or suspended, or the buyer's account is deactivated or deleted.
    pub url: String,
    /// When the address expires.
    pub expires_at: Instant,
    /// When a player should request a new address.
    pub refresh_after: Instant,
    /// The position to start from, in seconds.
    pub position_seconds: i64,
    /// The subtitles, sorted by language.
    pub subtitles: Vec<OfferedSubtitles>,
}

/// The subtitles of a film in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedSubtitles {
    /// The language.
    pub language: Language,
    /// The address of the subtitles, which expires at the same time as the address of the film.
    pub url: String,
}

/// Why a movie cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum PlaybackError {
    /// The actor has no active purchase of the movie.
    #[error("the movie was not bought")]
    NotFound,
    /// The payment is disputed.
    #[error("the purchase is suspended while its payment is disputed")]
    Suspended,
    /// The movie has no file.
    #[error("the movie has no file yet")]
    MissingMedia,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Library {
    /// Returns the addresses for watching a bought movie. The addresses are valid for the movie's running time plus
    /// four hours, unless the purchase is revoked or suspended earlier, or the buyer's account is deactivated or
    /// deleted earlier.
    ///
    /// # Errors
    /// See [`PlaybackError`].
    pub async fn playback(&self, actor: Actor, movie_id: MovieId) -> Result<Playback, PlaybackError> {
        let bought = self.queries.bought_movie(actor.user_id, movie_id).await?;
        let bought = bought.ok_or(PlaybackError::NotFound)?;
        if bought.is_suspended {
            return Err(PlaybackError::Suspended);
        }
        if !bought.has_file {
            return Err(PlaybackError::MissingMedia);
        }
        let now = self.clock.now().trunc_subsecs(0);
        let expires_at = now.checked_add_signed(bought.running_time.address_lifetime()).unwrap_or(now);
        let address = |folder: &str, language: Option<Language>| {
            let address = Address { purchase_id: bought.purchase_id, expires_at, language };
            format!("{}/media/{folder}/{}", self.public_url, address.sign(&*self.signer))
        };
        let subtitles = bought.subtitles.iter().map(|language| OfferedSubtitles {
            language: language.clone(),
            url: address("subtitles", Some(language.clone())),
        });
        Ok(Playback {
            url: address("films", None),
            expires_at,
            refresh_after: expires_at.checked_sub_signed(REFRESHED_BEFORE).unwrap_or(expires_at),
            position_seconds: bought.progress.map_or(0, Progress::resume_at),
            subtitles: subtitles.collect(),
        })
    }
}
