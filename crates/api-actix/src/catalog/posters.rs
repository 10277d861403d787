//! Posters that moderators upload.

use app::catalog::{Posters, RemovePosterError, SetPosterError};
use domain::{accounts::AccessError, id::MovieId, media::PictureError, store::StoreError};
use paperclip::actix::api_v2_operation;

use super::bodies::MovieDetailBody;
use crate::{
    extract::{Moderator, Origin, PathId, PosterUpload, PublicUrl, UseCases},
    problem::{Failure, Kind, Problem, Refusal, kinds, shared::picture_problem},
    refusals,
    reply::{ChangedItem, NoContent},
};

refusals! {
    RemovePosterError {
        NotFound => NOT_FOUND;
        via Access: AccessError, via Store: StoreError,
    }
}

impl Refusal for SetPosterError {
    fn problem(&self) -> Problem {
        match self {
            Self::NotFound => Problem::new(&kinds::NOT_FOUND),
            Self::Picture(error) => picture_problem(error, "poster"),
            Self::Access(error) => error.problem(),
            Self::Store(error) => error.problem(),
        }
    }

    fn kinds(into: &mut Vec<&'static Kind>) {
        into.push(&kinds::NOT_FOUND);
        PictureError::kinds(into);
        AccessError::kinds(into);
        StoreError::kinds(into);
    }
}

/// Set the poster of a movie.
///
/// The poster is rotated upright and stored as WebP pictures without metadata, 185, 342, 500 and 780 pixels wide;
/// widths greater than the width of the upright picture are omitted. The poster replaces the previous one and has new
/// URLs.
#[api_v2_operation(operation_id = "setPoster", tags("catalog"))]
pub(crate) async fn set(
    posters: UseCases<Posters>,
    public_url: PublicUrl,
    Origin(origin): Origin,
    Moderator(actor, PathId(id, upload)): Moderator<PathId<MovieId, PosterUpload>>,
) -> Result<ChangedItem<MovieDetailBody>, Failure<SetPosterError>> {
    let PosterUpload { poster, permit } = upload;
    let movie = posters
        .run(async move |posters| {
            let _permit = permit;
            posters.set_poster(actor, id, poster, &origin).await
        })
        .await?;
    Ok(ChangedItem { version: movie.version, body: MovieDetailBody::new(movie, &public_url) })
}

/// Remove the poster of a movie.
///
/// Has no effect when the movie has no poster.
#[api_v2_operation(operation_id = "removePoster", tags("catalog"))]
pub(crate) async fn remove(
    posters: UseCases<Posters>,
    Origin(origin): Origin,
    Moderator(actor, PathId(id, _)): Moderator<PathId<MovieId>>,
) -> Result<NoContent, Failure<RemovePosterError>> {
    posters.run(async move |posters| posters.remove_poster(actor, id, &origin).await).await?;
    Ok(NoContent)
}
