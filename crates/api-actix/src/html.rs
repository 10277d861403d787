//! The HTML pages of the server, except Swagger UI.
//!
//! The pages are rendered from templates (`templates/`), which escape all values. They work without scripts, and
//! behind a path prefix, because all their links are relative. If a separate frontend is configured (`FRONTEND_URL`),
//! mails and checkouts link to the frontend instead, except for [`UNSUBSCRIBE`].

use actix_web::{
    HttpRequest, HttpResponse, Responder, ResponseError,
    body::BoxBody,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use askama::Template;
use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use serde_json::json;

use crate::{
    openapi::{describe, headers},
    problem::{Problem, kinds},
};

/// The page that the link in an activation mail opens.
pub(crate) const ACTIVATE: &str = "/activate";
/// The page that the link in a password mail opens.
pub(crate) const RESET_PASSWORD: &str = "/reset-password";
/// The page that the unsubscribe link in a notification mail opens.
pub(crate) const UNSUBSCRIBE: &str = "/unsubscribe";
/// The start page, with links to the API documentation, the list of problems and the health check.
pub(crate) const START: &str = "/";
/// The page of an order. Checkouts redirect to it, and mails about orders link to it.
pub(crate) const ORDER: &str = "/orders/{id}";
/// The page of a movie. Mails about comments link to it.
pub(crate) const MOVIE: &str = "/movies/{id}";
/// The checkout page of the sandbox, which replaces a payment provider in development.
pub(crate) const CHECKOUT: &str = "/sandbox/checkouts/{id}";
/// The list of all kinds of problems.
pub(crate) const PROBLEMS: &str = "/problems";

/// The content security policy of the pages: only inline styles are allowed, and forms can be sent only to this server.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The headers of every page that is rendered from a template.
pub(crate) const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)),
];

/// The relative link to the start page from a page at the top level.
pub(crate) const ROOT: &str = "./";

/// A page with a message and, where useful, a form to request a new link.
#[derive(Template)]
#[template(path = "message.html")]
pub(crate) struct MessagePage<'a> {
    pub(crate) title: &'a str,
    pub(crate) text: &'a str,
    pub(crate) is_error: bool,
    pub(crate) link_form: Option<LinkForm<'a>>,
    pub(crate) root: &'static str,
}

/// A form to request a link by mail.
pub(crate) struct LinkForm<'a> {
    /// The relative URL of the page that the form is sent to.
    pub(crate) action: &'static str,
    /// The identifier of the email field, which is unique on a page.
    pub(crate) id: &'static str,
    pub(crate) button: &'static str,
    /// The email address to show in the field, if one was sent before.
    pub(crate) email: &'a str,
    /// Why the email address that was sent is not valid.
    pub(crate) error: Option<String>,
}

impl LinkForm<'static> {
    /// The form to request an activation link, on a page at the top level.
    pub(crate) const ACTIVATION: Self =
        Self { action: "activate", id: "email", button: "Send me a new link", email: "", error: None };
    /// The form to request a link to set a password, on a page at the top level.
    pub(crate) const PASSWORD: Self = Self {
        action: "reset-password",
        id: "password-email",
        button: "Send me a link",
        email: "",
        error: None,
    };
}

/// Renders a page.
pub(crate) fn page(status: StatusCode, template: &impl Template) -> HttpResponse {
    match template.render() {
        Ok(html) => {
            let mut response = HttpResponse::build(status);
            for header in HEADERS {
                response.insert_header(header);
            }
            response.body(html)
        }
        Err(error) => Problem::new(&kinds::INTERNAL).caused_by(&error).error_response(),
    }
}

/// Turns a message into a sentence: with a capital letter at the beginning and a full stop at the end.
pub(crate) fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().map(char::to_uppercase).into_iter().flatten();
    let sentence: String = first.chain(characters).collect();
    if sentence.ends_with(['.', '!', '?']) { sentence } else { format!("{sentence}.") }
}

/// A page as the response of a documented operation. `IS_PUBLIC` is whether shared caches may store the page.
#[derive(Debug)]
pub(crate) struct Page<const IS_PUBLIC: bool = false>(pub(crate) HttpResponse);

impl<const IS_PUBLIC: bool> Responder for Page<IS_PUBLIC> {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        self.0
    }
}

impl<const IS_PUBLIC: bool> Apiv2Schema for Page<IS_PUBLIC> {}

impl<const IS_PUBLIC: bool> OperationModifier for Page<IS_PUBLIC> {
    fn update_response(op: &mut DefaultOperationRaw) {
        let media = json!({"schema": {"type": "string", "maxLength": 65_536, "pattern": "^<!DOCTYPE html>"}, "example": "<!DOCTYPE html>"});
        let headers: &[&str] = if IS_PUBLIC { &[headers::PUBLIC_CACHE] } else { &[] };
        describe::add_media_answer(op, "An HTML page.", "text/html", media, headers);
    }
}

/// Returns whether problems of this route are shown as HTML pages. They are if the other responses of the route are
/// HTML pages too. Swagger UI is an exception: its problems are JSON.
pub(crate) fn is_page(route: Option<&str>) -> bool {
    route.is_some_and(|route| {
        [ACTIVATE, RESET_PASSWORD, UNSUBSCRIBE, START, PROBLEMS, CHECKOUT, ORDER, MOVIE].contains(&route)
    })
}

/// Renders a problem as a page of this route.
pub(crate) fn problem_page(problem: &Problem, route: Option<&str>) -> String {
    let detail = problem.detail.as_deref().unwrap_or(problem.kind.explanation);
    let is_link = route.is_some_and(|route| [ACTIVATE, RESET_PASSWORD, UNSUBSCRIBE].contains(&route));
    let (title, text) = match problem.kind {
        kind if kind.status >= 500 && is_link => (
            "Not now",
            "This could not be done just now. Nothing is lost: try the same link again in a minute."
                .to_owned(),
        ),
        kind if kind.status >= 500 => {
            ("Not now", "The server could not answer just now. Try again in a minute.".to_owned())
        }
        kind if kind == &kinds::RATE_LIMITED => {
            ("Too many tries", format!("Wait {}, then try again.", waiting_time(problem)))
        }
        kind => (kind.title, sentence(detail)),
    };
    let root = match route {
        Some(ORDER | MOVIE) => "../",
        Some(CHECKOUT) => "../../",
        _ => ROOT,
    };
    let page = MessagePage { title, text: &text, is_error: true, link_form: None, root };
    page.render().unwrap_or_default()
}

/// Returns the time in the problem's `Retry-After` header, as a text such as `2 minutes`.
fn waiting_time(problem: &Problem) -> String {
    let header = problem.headers.iter().find(|(name, _)| name == header::RETRY_AFTER);
    let seconds = header.and_then(|(_, value)| value.to_str().ok()?.parse::<u64>().ok()).unwrap_or(60);
    match seconds.div_ceil(60) {
        0 | 1 => "a minute".to_owned(),
        minutes if minutes <= 60 => format!("{minutes} minutes"),
        minutes => format!("{} hours", minutes.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::RETRY_AFTER;

    use super::*;

    #[test]
    fn the_time_to_wait_is_written_in_words() {
        for (seconds, words) in
            [(1, "a minute"), (60, "a minute"), (61, "2 minutes"), (3_600, "60 minutes"), (3_601, "2 hours")]
        {
            let problem =
                Problem::new(&kinds::RATE_LIMITED).with_header(RETRY_AFTER, HeaderValue::from(seconds));
            let page = problem_page(&problem, Some(ACTIVATE));
            assert!(page.contains(&format!("Wait {words},")), "{seconds}");
        }
    }

    #[test]
    fn the_text_of_a_problem_is_escaped_and_is_a_sentence() {
        let problem = Problem::new(&kinds::MALFORMED_REQUEST).because("a <script>");
        let page = problem_page(&problem, Some(ACTIVATE));
        assert!(page.contains("role=\"alert\">A &#60;script&#62;.</p>"), "{page}");
    }

    #[test]
    fn the_page_of_a_problem_links_to_the_start_page() {
        for (route, root) in [
            (Some(ACTIVATE), "./"),
            (Some(ORDER), "../"),
            (Some(MOVIE), "../"),
            (Some(CHECKOUT), "../../"),
            (None, "./"),
        ] {
            let page = problem_page(&Problem::new(&kinds::NOT_FOUND), route);
            assert!(page.contains(&format!("href=\"{root}\"")), "{route:?}: {page}");
        }
    }

    #[test]
    fn a_message_becomes_a_sentence() {
        for (message, expected) in [
            ("must have 8 characters", "Must have 8 characters."),
            ("Too short.", "Too short."),
            ("émail?", "Émail?"),
            ("", "."),
        ] {
            assert_eq!(sentence(message), expected);
        }
    }
}
