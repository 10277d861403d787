//! Sends films and subtitles at signed addresses (URLs). A request needs no access token, because a `<video>` element
//! cannot send one: anyone who has the address can watch until the address expires.

use std::{fs::File, ops::Range};

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderValue},
    },
    web::{self, Bytes},
};
use app::library::{WatchError, WatchedFilm};
use domain::{
    library::{FilmAccess, FilmSource, OpenedFilm},
    media::MediaKey,
    store::StoreError,
};

use super::{
    film_body::{FilmBody, Piece},
    range::{Selection, selected, size},
    transfers::Transfer,
};
use crate::{
    edge::{body::ReadInParts, context::AskedForHead, headers::CROSS_ORIGIN_RESOURCE_POLICY},
    etag,
    problem::{Failure, Problem, Refusal, kinds},
    refusals,
    state::Api,
};

refusals! {
    WatchError {
        Denied => PLAYBACK_DENIED,
        NotFound => NOT_FOUND;
        via Store: StoreError,
    }
}

/// `GET /media/films/{address}`: sends the film or parts of it, or redirects to the address of the film in the media
/// store.
pub(crate) async fn film(
    request: HttpRequest,
    address: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    open_film(&request, address.into_inner(), &api).await.unwrap_or_else(|problem| problem.error_response())
}

async fn open_film(
    request: &HttpRequest,
    address: String,
    api: &web::Data<Api>,
) -> Result<HttpResponse, Problem> {
    let is_head = request.extensions().get::<AskedForHead>().is_some();
    let access = if is_head { FilmAccess::Head } else { FilmAccess::Read };
    let turn = api.transfers.turn(api.settings.request_timeout).await?;
    let library = api.state.library.clone();
    let opened = api.run(async move { library.open_film(&address, access).await }).await;
    drop(turn);
    let WatchedFilm { purchase_id, expires_at, key, source } = opened.map_err(problem_of)?;
    match source {
        FilmSource::Address(address) => Ok(HttpResponse::TemporaryRedirect()
            .insert_header((header::LOCATION, address))
            .insert_header((CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin")))
            .finish()),
        FilmSource::Local(film) => {
            let transfer = api.transfers.begin(purchase_id, expires_at)?;
            send(request.headers(), is_head, &key, film, transfer)
        }
    }
}

/// `GET /media/subtitles/{address}`: sends the subtitles of a film.
pub(crate) async fn subtitles(
    request: HttpRequest,
    address: web::Path<String>,
    api: web::Data<Api>,
) -> HttpResponse {
    let library = api.state.library.clone();
    let address = address.into_inner();
    match api.run(async move { library.open_subtitles(&address).await }).await {
        Ok(subtitles) => {
            let mut answer = beginning(StatusCode::OK, &subtitles.key);
            if etag::known(request.headers(), &tag(&subtitles.key)).is_some() {
                answer.status(StatusCode::NOT_MODIFIED).finish()
            } else {
                answer.body(subtitles.text)
            }
        }
        Err(failure) => problem_of(failure).error_response(),
    }
}

fn problem_of(failure: Failure<WatchError>) -> Problem {
    match failure {
        Failure::Refused(refusal) => refusal.problem(),
        Failure::Problem(problem) => problem,
    }
}

/// Returns the entity tag of a stored file. It is the name of the file, because the content of a file never changes.
fn tag(key: &MediaKey) -> String {
    format!("\"{}\"", key.file_name())
}

/// Starts a response for this file (200, 206 or 304), with the headers that all of these responses have.
fn beginning(status: StatusCode, key: &MediaKey) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer
        .insert_header((header::ETAG, tag(key)))
        .insert_header((header::CONTENT_TYPE, key.media_type().as_str()))
        // Pages of other origins may embed the file.
        .insert_header((CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("cross-origin")));
    answer
}

/// Creates the response with the requested parts of the film.
fn send(
    headers: &HeaderMap,
    is_head: bool,
    key: &MediaKey,
    film: OpenedFilm,
    transfer: Transfer,
) -> Result<HttpResponse, Problem> {
    let OpenedFilm { file, length } = film;
    let tag = tag(key);
    if etag::known(headers, &tag).is_some() {
        return Ok(beginning(StatusCode::NOT_MODIFIED, key)
            .insert_header((header::ACCEPT_RANGES, "bytes"))
            .finish());
    }
    // `Range` applies only to GET.
    let range = if is_head { None } else { wanted_range(headers, &tag) };
    let parts = match range.map_or(Selection::Whole, |range| selected(range, length)) {
        Selection::Whole => {
            let mut answer = beginning(StatusCode::OK, key);
            answer.insert_header((header::ACCEPT_RANGES, "bytes"));
            let pieces = if length == 0 { Vec::new() } else { vec![Piece::Film(0..length)] };
            return Ok(with_body(answer, file, pieces, transfer));
        }
        Selection::Unsatisfiable => {
            let content_range = HeaderValue::from_str(&format!("bytes */{length}"));
            let problem = Problem::new(&kinds::RANGE_NOT_SATISFIABLE)
                .with_header(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            return Err(match content_range {
                Ok(value) => problem.with_header(header::CONTENT_RANGE, value),
                Err(_) => problem,
            });
        }
        Selection::Parts(parts) => parts,
    };
    let mut answer = beginning(StatusCode::PARTIAL_CONTENT, key);
    answer.insert_header((header::ACCEPT_RANGES, "bytes"));
    if let [part] = parts.as_slice() {
        answer.insert_header((header::CONTENT_RANGE, content_range(part, length)));
        return Ok(with_body(answer, file, vec![Piece::Film(part.clone())], transfer));
    }
    let boundary = format!("part-{}", key.file_name());
    answer.insert_header((header::CONTENT_TYPE, format!("multipart/byteranges; boundary=\"{boundary}\"")));
    Ok(with_body(answer, file, several(&parts, length, key, &boundary), transfer))
}

/// Returns the `Range` of the request, unless it is repeated or an `If-Range` does not match the file (RFC 9110,
/// section 13.1.5).
fn wanted_range<'a>(headers: &'a HeaderMap, tag: &str) -> Option<&'a str> {
    let mut ranges = headers.get_all(header::RANGE);
    let range = ranges.next()?.to_str().ok()?;
    if ranges.next().is_some() {
        return None;
    }
    match headers.get(header::IF_RANGE) {
        // The value is a date, which the server does not compare, or the tag of another file. The client gets the whole
        // file.
        Some(condition) if condition.as_bytes() != tag.as_bytes() => None,
        _ => Some(range),
    }
}

fn content_range(part: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", part.start, part.start.saturating_add(size(part)).saturating_sub(1))
}

/// Returns the pieces of a body with several parts (`multipart/byteranges`, RFC 9110, section 14.6).
fn several(parts: &[Range<u64>], length: u64, key: &MediaKey, boundary: &str) -> Vec<Piece> {
    let media_type = key.media_type().as_str();
    let mut pieces = Vec::new();
    for part in parts {
        let range = content_range(part, length);
        let head =
            format!("\r\n--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {range}\r\n\r\n");
        pieces.push(Piece::Text(Bytes::from(head)));
        pieces.push(Piece::Film(part.clone()));
    }
    pieces.push(Piece::Text(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
    pieces
}

fn with_body(
    mut answer: HttpResponseBuilder,
    file: File,
    pieces: Vec<Piece>,
    transfer: Transfer,
) -> HttpResponse {
    let mut answer = answer.body(FilmBody::new(file, pieces, transfer));
    answer.extensions_mut().insert(ReadInParts);
    answer
}
