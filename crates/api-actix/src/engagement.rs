//! What users think of movies: reactions, ratings, favourites and comments.

mod bodies;

use app::{
    engagement::{EditCommentError, Engagement, ReplyError},
    paging::ListError,
};
use domain::{
    id::{CommentId, MovieId},
    store::StoreError,
};
use paperclip::actix::api_v2_operation;

use self::bodies::{CommentBody, LikesBody, NewCommentBody, RatingInput, ReactionCountsBody, ReactionInput};
use crate::{
    catalog::bodies::RatingBody,
    extract::{Body, Caller, PathId, PublicUrl, Query, UseCases, Visitor},
    page::{PageBody, PageParams},
    problem::{Failure, OrNotFound},
    refusals,
    reply::{CreatedJson, ListPage, NoContent, OkJson},
};

refusals! {
    ReplyError {
        NotFound => NOT_FOUND,
        CommentDeleted => COMMENT_DELETED;
        via Store: StoreError,
    }
    EditCommentError {
        NotFound => NOT_FOUND,
        Forbidden => FORBIDDEN;
        via Store: StoreError,
    }
}

/// Like or dislike a movie.
///
/// One reaction a caller and movie: another one replaces it.
#[api_v2_operation(operation_id = "setReaction", tags("engagement"))]
pub(crate) async fn set_reaction(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, Body(body))): Caller<PathId<MovieId, Body<ReactionInput>>>,
) -> Result<OkJson<ReactionCountsBody>, Failure<OrNotFound<StoreError>>> {
    let reaction = Some(body.value.into());
    let counts =
        engagement.find(async move |engagement| engagement.react(actor.user_id, id, reaction).await).await?;
    Ok(OkJson(counts.into()))
}

/// Take the caller's reaction to a movie back.
#[api_v2_operation(operation_id = "removeReaction", tags("engagement"))]
pub(crate) async fn remove_reaction(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, _)): Caller<PathId<MovieId>>,
) -> Result<OkJson<ReactionCountsBody>, Failure<OrNotFound<StoreError>>> {
    let counts =
        engagement.find(async move |engagement| engagement.react(actor.user_id, id, None).await).await?;
    Ok(OkJson(counts.into()))
}

/// Rate a movie from 1 to 10.
///
/// One rating a caller and movie: another one replaces it.
#[api_v2_operation(operation_id = "setRating", tags("engagement"))]
pub(crate) async fn set_rating(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, Body(score))): Caller<PathId<MovieId, Body<RatingInput>>>,
) -> Result<OkJson<RatingBody>, Failure<OrNotFound<StoreError>>> {
    let rating = engagement
        .find(async move |engagement| engagement.rate(actor.user_id, id, Some(score)).await)
        .await?;
    Ok(OkJson(rating.into()))
}

/// Take the caller's rating of a movie back.
#[api_v2_operation(operation_id = "removeRating", tags("engagement"))]
pub(crate) async fn remove_rating(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, _)): Caller<PathId<MovieId>>,
) -> Result<OkJson<RatingBody>, Failure<OrNotFound<StoreError>>> {
    let rating =
        engagement.find(async move |engagement| engagement.rate(actor.user_id, id, None).await).await?;
    Ok(OkJson(rating.into()))
}

/// Add a movie to the caller's favourites.
///
/// One that is there stays where it is.
#[api_v2_operation(operation_id = "addFavorite", tags("engagement"))]
pub(crate) async fn add_favorite(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, _)): Caller<PathId<MovieId>>,
) -> Result<NoContent, Failure<OrNotFound<StoreError>>> {
    engagement.find(async move |engagement| engagement.add_favorite(actor.user_id, id).await).await?;
    Ok(NoContent)
}

/// Remove a movie from the caller's favourites.
///
/// Whether it is there or not.
#[api_v2_operation(operation_id = "removeFavorite", tags("engagement"))]
pub(crate) async fn remove_favorite(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, _)): Caller<PathId<MovieId>>,
) -> Result<NoContent, Failure<StoreError>> {
    engagement.run(async move |engagement| engagement.remove_favorite(actor.user_id, id).await).await?;
    Ok(NoContent)
}

/// List the comments of a movie.
///
/// Those that begin a thread, newest first.
#[api_v2_operation(operation_id = "listComments", tags("engagement"))]
pub(crate) async fn list_comments(
    engagement: UseCases<Engagement>,
    public_url: PublicUrl,
    Visitor(actor, PathId(id, Query(page))): Visitor<PathId<MovieId, Query<PageParams>>>,
) -> Result<ListPage<CommentBody>, Failure<OrNotFound<ListError>>> {
    let viewer = actor.map(|actor| actor.user_id);
    let listing =
        engagement.find(async move |engagement| engagement.list_comments(id, page, viewer).await).await?;
    let page = PageBody::of(listing, |comment| CommentBody::new(comment, &public_url));
    Ok(ListPage { page, is_anonymous: actor.is_none() })
}

/// Comment on a movie.
#[api_v2_operation(operation_id = "createComment", tags("engagement"))]
pub(crate) async fn create_comment(
    engagement: UseCases<Engagement>,
    public_url: PublicUrl,
    Caller(actor, PathId(id, Body(body))): Caller<PathId<MovieId, Body<NewCommentBody>>>,
) -> Result<CreatedJson<CommentBody>, Failure<OrNotFound<StoreError>>> {
    let comment = engagement
        .find(async move |engagement| engagement.comment(actor.user_id, id, &body.text.0).await)
        .await?;
    Ok(CreatedJson(CommentBody::new(comment, &public_url)))
}

/// List the replies to a comment.
///
/// Oldest first.
#[api_v2_operation(operation_id = "listReplies", tags("engagement"))]
pub(crate) async fn list_replies(
    engagement: UseCases<Engagement>,
    public_url: PublicUrl,
    Visitor(actor, PathId(id, Query(page))): Visitor<PathId<CommentId, Query<PageParams>>>,
) -> Result<ListPage<CommentBody>, Failure<OrNotFound<ListError>>> {
    let viewer = actor.map(|actor| actor.user_id);
    let listing =
        engagement.find(async move |engagement| engagement.list_replies(id, page, viewer).await).await?;
    let page = PageBody::of(listing, |comment| CommentBody::new(comment, &public_url));
    Ok(ListPage { page, is_anonymous: actor.is_none() })
}

/// Reply to a comment.
///
/// A reply to a reply joins the thread.
#[api_v2_operation(operation_id = "createReply", tags("engagement"))]
pub(crate) async fn create_reply(
    engagement: UseCases<Engagement>,
    public_url: PublicUrl,
    Caller(actor, PathId(id, Body(body))): Caller<PathId<CommentId, Body<NewCommentBody>>>,
) -> Result<CreatedJson<CommentBody>, Failure<ReplyError>> {
    let comment = engagement
        .run(async move |engagement| engagement.reply(actor.user_id, id, &body.text.0).await)
        .await?;
    Ok(CreatedJson(CommentBody::new(comment, &public_url)))
}

/// Change the text of the caller's own comment.
#[api_v2_operation(operation_id = "updateComment", tags("engagement"))]
pub(crate) async fn update_comment(
    engagement: UseCases<Engagement>,
    public_url: PublicUrl,
    Caller(actor, PathId(id, Body(body))): Caller<PathId<CommentId, Body<NewCommentBody>>>,
) -> Result<OkJson<CommentBody>, Failure<EditCommentError>> {
    let comment = engagement
        .run(async move |engagement| engagement.edit_comment(actor.user_id, id, &body.text.0).await)
        .await?;
    Ok(OkJson(CommentBody::new(comment, &public_url)))
}

/// Like a comment.
///
/// Once; liking it again changes nothing. One may like one's own.
#[api_v2_operation(operation_id = "likeComment", tags("engagement"))]
pub(crate) async fn like_comment(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, _)): Caller<PathId<CommentId>>,
) -> Result<OkJson<LikesBody>, Failure<ReplyError>> {
    let likes = engagement
        .run(async move |engagement| engagement.like_comment(actor.user_id, id, true).await)
        .await?;
    Ok(OkJson(LikesBody { likes }))
}

/// Take the caller's like of a comment back.
#[api_v2_operation(operation_id = "unlikeComment", tags("engagement"))]
pub(crate) async fn unlike_comment(
    engagement: UseCases<Engagement>,
    Caller(actor, PathId(id, _)): Caller<PathId<CommentId>>,
) -> Result<OkJson<LikesBody>, Failure<ReplyError>> {
    let likes = engagement
        .run(async move |engagement| engagement.like_comment(actor.user_id, id, false).await)
        .await?;
    Ok(OkJson(LikesBody { likes }))
}
