//! The opinions of users about movies: reactions, ratings, favourites and comments.

mod bodies;
pub(crate) mod reports;

use app::{
    engagement::{ChangeCommentError, Engagement, RespondError},
    paging::ListError,
};
use domain::{
    accounts::AccessError,
    id::{CommentId, MovieId},
    store::StoreError,
};
use paperclip::actix::api_v2_operation;

use self::bodies::{CommentBody, CommentInput, LikesBody, RatingInput, ReactionCountsBody, ReactionInput};
use crate::{
    catalog::bodies::RatingBody,
    extract::{Body, Caller, Limited, LongPage, Origin, Patch, PathId, PublicUrl, Query, UseCases, Visitor},
    page::{PageBody, PageParams},
    problem::{Failure, OrNotFound},
    rate_limits, refusals,
    reply::{CatalogPage, CreatedJson, NoContent, OkJson},
};

refusals! {
    RespondError {
        NotFound => NOT_FOUND,
        CommentDeleted => COMMENT_DELETED;
        via Access: AccessError, via Store: StoreError,
    }
    ChangeCommentError {
        NotFound => NOT_FOUND,
        Forbidden => FORBIDDEN;
        via Access: AccessError, via Store: StoreError,
    }
}

rate_limits! {
    /// Limits the rate at which a user writes comments and replies.
    Comments by user: |limits| &limits.fixed.comments;
}

/// Like or dislike a movie.
///
/// A caller has at most one reaction to a movie; a new reaction replaces it.
#[api_v2_operation(operation_id = "setReaction", tags("engagement"))]
pub(crate) async fn set_reaction(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, Body(body))): Caller<PathId<MovieId, Body<ReactionInput>>>,
) -> Result<OkJson<ReactionCountsBody>, Failure<OrNotFound<AccessError>>> {
    let reaction = Some(body.value.into());
    let counts = engagement.find(async move |engagement| engagement.react(actor, id, reaction).await).await?;
    Ok(OkJson(counts.into()))
}

/// Remove the caller's reaction to a movie.
///
/// Also succeeds if the caller has no reaction to the movie.
#[api_v2_operation(operation_id = "removeReaction", tags("engagement"))]
pub(crate) async fn remove_reaction(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, _)): Caller<PathId<MovieId>>,
) -> Result<OkJson<ReactionCountsBody>, Failure<OrNotFound<AccessError>>> {
    let counts = engagement.find(async move |engagement| engagement.react(actor, id, None).await).await?;
    Ok(OkJson(counts.into()))
}

/// Rate a movie from 1 to 10.
///
/// A caller has at most one rating of a movie; a new rating replaces it.
#[api_v2_operation(operation_id = "setRating", tags("engagement"))]
pub(crate) async fn set_rating(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, Body(score))): Caller<PathId<MovieId, Body<RatingInput>>>,
) -> Result<OkJson<RatingBody>, Failure<OrNotFound<AccessError>>> {
    let rating =
        engagement.find(async move |engagement| engagement.rate(actor, id, Some(score)).await).await?;
    Ok(OkJson(rating.into()))
}

/// Remove the caller's rating of a movie.
///
/// Also succeeds if the caller has not rated the movie.
#[api_v2_operation(operation_id = "removeRating", tags("engagement"))]
pub(crate) async fn remove_rating(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, _)): Caller<PathId<MovieId>>,
) -> Result<OkJson<RatingBody>, Failure<OrNotFound<AccessError>>> {
    let rating = engagement.find(async move |engagement| engagement.rate(actor, id, None).await).await?;
    Ok(OkJson(rating.into()))
}

/// Add a movie to the caller's favourites.
///
/// A movie that is already a favourite keeps its position.
#[api_v2_operation(operation_id = "addFavorite", tags("engagement"))]
pub(crate) async fn add_favorite(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, _)): Caller<PathId<MovieId>>,
) -> Result<NoContent, Failure<OrNotFound<AccessError>>> {
    engagement.find(async move |engagement| engagement.add_favorite(actor, id).await).await?;
    Ok(NoContent)
}

/// Remove a movie from the caller's favourites.
///
/// Also succeeds if the movie is not a favourite.
#[api_v2_operation(operation_id = "removeFavorite", tags("engagement"))]
pub(crate) async fn remove_favorite(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, _)): Caller<PathId<MovieId>>,
) -> Result<NoContent, Failure<AccessError>> {
    engagement.run(async move |engagement| engagement.remove_favorite(actor, id).await).await?;
    Ok(NoContent)
}

/// List the comments of a movie.
///
/// The comments that are not replies; the newest comment is first.
#[api_v2_operation(operation_id = "listComments", tags("engagement"))]
pub(crate) async fn list_comments(
    engagement: UseCases<Engagement>,
    public_url: PublicUrl,
    _: LongPage,
    Visitor(viewer, PathId(id, Query(page))): Visitor<PathId<MovieId, Query<PageParams>>>,
) -> Result<CatalogPage<CommentBody>, Failure<OrNotFound<ListError>>> {
    let listing =
        engagement.find(async move |engagement| engagement.list_comments(id, page, viewer).await).await?;
    Ok(CatalogPage(PageBody::of(listing, |comment| CommentBody::new(comment, &public_url))))
}

/// Comment on a movie.
#[api_v2_operation(operation_id = "createComment", tags("engagement"))]
pub(crate) async fn create_comment(
    engagement: UseCases<Engagement>,
    public_url: PublicUrl,
    Caller(actor, Limited(PathId(id, Body(body)), ())): Caller<
        Limited<Comments, PathId<MovieId, Body<CommentInput>>>,
    >,
) -> Result<CreatedJson<CommentBody>, Failure<OrNotFound<AccessError>>> {
    let comment =
        engagement.find(async move |engagement| engagement.comment(actor, id, &body.text.0).await).await?;
    Ok(CreatedJson(CommentBody::new(comment, &public_url)))
}

/// List the replies to a comment.
///
/// The oldest reply is first.
#[api_v2_operation(operation_id = "listReplies", tags("engagement"))]
pub(crate) async fn list_replies(
    engagement: UseCases<Engagement>,
    public_url: PublicUrl,
    _: LongPage,
    Visitor(viewer, PathId(id, Query(page))): Visitor<PathId<CommentId, Query<PageParams>>>,
) -> Result<CatalogPage<CommentBody>, Failure<OrNotFound<ListError>>> {
    let listing =
        engagement.find(async move |engagement| engagement.list_replies(id, page, viewer).await).await?;
    Ok(CatalogPage(PageBody::of(listing, |comment| CommentBody::new(comment, &public_url))))
}

/// Reply to a comment.
///
/// A reply to a reply is added to the same thread.
#[api_v2_operation(operation_id = "createReply", tags("engagement"))]
pub(crate) async fn create_reply(
    engagement: UseCases<Engagement>,
    public_url: PublicUrl,
    Caller(actor, Limited(PathId(id, Body(body)), ())): Caller<
        Limited<Comments, PathId<CommentId, Body<CommentInput>>>,
    >,
) -> Result<CreatedJson<CommentBody>, Failure<RespondError>> {
    let comment =
        engagement.run(async move |engagement| engagement.reply(actor, id, &body.text.0).await).await?;
    Ok(CreatedJson(CommentBody::new(comment, &public_url)))
}

/// Change the text of the caller's own comment.
#[api_v2_operation(operation_id = "updateComment", tags("engagement"))]
pub(crate) async fn update_comment(
    engagement: UseCases<Engagement>,
    public_url: PublicUrl,
    Caller(actor, PathId(id, Patch(body))): Caller<PathId<CommentId, Patch<CommentInput>>>,
) -> Result<OkJson<CommentBody>, Failure<ChangeCommentError>> {
    let comment = engagement
        .run(async move |engagement| engagement.edit_comment(actor, id, &body.text.0).await)
        .await?;
    Ok(OkJson(CommentBody::new(comment, &public_url)))
}

/// Delete a comment.
///
/// Authors can delete their own comments, moderators any comment. A comment with replies stays in the list without text
/// and author.
#[api_v2_operation(operation_id = "deleteComment", tags("engagement"))]
pub(crate) async fn delete_comment(
    engagement: UseCases<Engagement>,
    Origin(origin): Origin,
    Caller(actor, PathId(id, _)): Caller<PathId<CommentId>>,
) -> Result<NoContent, Failure<ChangeCommentError>> {
    engagement.run(async move |engagement| engagement.delete_comment(actor, id, &origin).await).await?;
    Ok(NoContent)
}

/// Like a comment.
///
/// Liking it again changes nothing. Callers may like their own comments.
#[api_v2_operation(operation_id = "likeComment", tags("engagement"))]
pub(crate) async fn like_comment(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, _)): Caller<PathId<CommentId>>,
) -> Result<OkJson<LikesBody>, Failure<RespondError>> {
    let likes =
        engagement.run(async move |engagement| engagement.like_comment(actor, id, true).await).await?;
    Ok(OkJson(LikesBody { likes }))
}

/// Remove the caller's like of a comment.
///
/// Also succeeds if the caller does not like the comment.
#[api_v2_operation(operation_id = "unlikeComment", tags("engagement"))]
pub(crate) async fn unlike_comment(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, _)): Caller<PathId<CommentId>>,
) -> Result<OkJson<LikesBody>, Failure<RespondError>> {
    let likes =
        engagement.run(async move |engagement| engagement.like_comment(actor, id, false).await).await?;
    Ok(OkJson(LikesBody { likes }))
}
