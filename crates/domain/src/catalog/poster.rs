use crate::{
    id::PosterId,
    media::{MediaKey, POSTER_WIDTHS, poster_file_name},
};

/// The poster of a movie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Poster {
    /// A picture on another server, at this absolute address.
    Address(String),
    /// A picture that a moderator uploaded.
    Uploaded(UploadedPoster),
}

/// A picture that a moderator uploaded, stored in several widths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadedPoster {
    /// The identifier of the picture. A new picture gets a new identifier, so that the content behind an address never
    /// changes.
    pub id: PosterId,
    /// The largest of [`POSTER_WIDTHS`] that the picture is stored in.
    pub width: u32,
}

impl UploadedPoster {
    /// The widths that the picture is stored in, the smallest first.
    pub fn widths(self) -> impl Iterator<Item = u32> {
        POSTER_WIDTHS.into_iter().filter(move |width| *width <= self.width)
    }

    /// The key of the file in this width.
    #[must_use]
    pub fn key(self, width: u32) -> MediaKey {
        MediaKey::poster(self.id.as_uuid(), width)
    }

    /// The keys of the files in all its widths.
    pub fn keys(self) -> impl Iterator<Item = MediaKey> {
        self.widths().map(move |width| self.key(width))
    }

    /// The URL path of the picture in this width.
    #[must_use]
    pub fn path(self, width: u32) -> String {
        format!("/media/posters/{}/{}", self.id, poster_file_name(width))
    }

    /// Whether the API shows this poster at `address`. When a client sends this address back in a change of the movie,
    /// the uploaded poster is kept.
    #[must_use]
    pub fn is_shown_at(self, address: &str) -> bool {
        address.ends_with(&self.path(self.width))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn poster(width: u32) -> UploadedPoster {
        UploadedPoster { id: PosterId::from_uuid(Uuid::nil()), width }
    }

    #[test]
    fn a_poster_is_stored_in_the_widths_up_to_its_own() {
        let widths = |width| poster(width).widths().collect::<Vec<_>>();
        assert_eq!(widths(185), [185]);
        assert_eq!(widths(500), [185, 342, 500]);
        assert_eq!(widths(780), POSTER_WIDTHS);
        let keys = [MediaKey::poster(Uuid::nil(), 185), MediaKey::poster(Uuid::nil(), 342)];
        assert_eq!(poster(342).keys().collect::<Vec<_>>(), keys);
    }

    #[test]
    fn a_poster_recognizes_its_own_address() {
        let shown = "https://cinema.example/media/posters/00000000-0000-0000-0000-000000000000/w342.webp";
        assert!(poster(342).is_shown_at(shown));
        assert!(!poster(185).is_shown_at(shown));
        assert!(!poster(342).is_shown_at("https://cinema.example/w342.webp"));
    }
}
