//! The HTML page of a movie. Mails about comments link to it when no separate frontend is configured.

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::StatusCode, web};
use askama::Template;
use domain::id::MovieId;

use crate::{
    html,
    problem::{Problem, kinds},
    state::Api,
};

#[derive(Template)]
#[template(path = "movie.html")]
struct MoviePage<'a> {
    name: &'a str,
    year: i32,
    description: &'a str,
    root: &'static str,
}

/// `GET /movies/{id}`: shows what an anonymous visitor may see of the movie. Query parameters are ignored, because mail
/// programs may add some.
pub(crate) async fn show(request: HttpRequest, api: web::Data<Api>) -> HttpResponse {
    let not_found = || Problem::new(&kinds::NOT_FOUND).error_response();
    let id = request.match_info().get("id").and_then(|id| id.parse::<MovieId>().ok());
    let Some(id) = id else { return not_found() };
    let catalog = api.state.catalog.clone();
    match api.run(async move { catalog.show(id, None).await }).await {
        Ok(Some(movie)) => html::page(
            StatusCode::OK,
            &MoviePage {
                name: &movie.summary.name,
                year: movie.summary.year,
                description: &movie.description,
                root: "../",
            },
        ),
        Ok(None) => not_found(),
        Err(failure) => failure.error_response(),
    }
}
