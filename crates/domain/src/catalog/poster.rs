use crate::id::PosterId;

/// The widths in which an uploaded poster is kept, in pixels, up to its own width.
pub const POSTER_WIDTHS: [u32; 4] = [185, 342, 500, 780];

/// The picture that a movie is shown with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Poster {
    /// A picture elsewhere on the web, at this absolute address.
    Address(String),
    /// A picture that a moderator uploaded.
    Uploaded(UploadedPoster),
}

/// A picture that a moderator uploaded, kept in several widths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadedPoster {
    /// Its identifier. A new picture gets a new one, so that the content behind an address never changes.
    pub id: PosterId,
    /// The largest of [`POSTER_WIDTHS`] that it is kept in.
    pub width: u32,
}

impl UploadedPoster {
    /// The widths that it is kept in, the smallest first.
    pub fn widths(self) -> impl Iterator<Item = u32> {
        POSTER_WIDTHS.into_iter().filter(move |width| *width <= self.width)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_poster_is_kept_in_the_widths_up_to_its_own() {
        let widths = |width| {
            UploadedPoster { id: PosterId::from_uuid(Uuid::nil()), width }.widths().collect::<Vec<_>>()
        };
        assert_eq!(widths(185), [185]);
        assert_eq!(widths(500), [185, 342, 500]);
        assert_eq!(widths(780), POSTER_WIDTHS);
    }
}
