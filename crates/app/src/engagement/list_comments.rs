use domain::{
    accounts::Actor,
    engagement::CommentView,
    id::{CommentId, MovieId},
};

use super::Engagement;
use crate::paging::{ListError, Listing, PageSelection};

impl Engagement {
    /// Returns a page of the comments that begin the threads of a movie, newest first; `None` when the movie does not
    /// exist or the viewer cannot see it.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_comments(
        &self,
        movie_id: MovieId,
        page: PageSelection,
        viewer: Option<Actor>,
    ) -> Result<Option<Listing<CommentView>>, ListError> {
        let context = format!("comments {movie_id}");
        let request = self.cursors.request(&context, page)?;
        let page = self.comments.movie_comments(movie_id, &request, viewer.as_ref()).await?;
        Ok(page.map(|page| self.cursors.listing(&context, &request, page)))
    }

    /// Returns a page of the replies to a comment, oldest first; `None` when the comment does not exist or the viewer
    /// cannot see its movie.
    ///
    /// # Errors
    /// See [`ListError`].
    pub async fn list_replies(
        &self,
        comment_id: CommentId,
        page: PageSelection,
        viewer: Option<Actor>,
    ) -> Result<Option<Listing<CommentView>>, ListError> {
        let context = format!("replies {comment_id}");
        let request = self.cursors.request(&context, page)?;
        let page = self.comments.comment_replies(comment_id, &request, viewer.as_ref()).await?;
        Ok(page.map(|page| self.cursors.listing(&context, &request, page)))
    }
}
