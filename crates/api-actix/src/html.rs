//! The few pages that the server shows to people.

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};

use paperclip::{
    actix::OperationModifier,
    v2::{models::DefaultOperationRaw, schema::Apiv2Schema},
};
use serde_json::json;

use crate::{
    openapi::carrier,
    problem::{Problem, kinds},
};

/// The page that the link in an activation mail leads to.
pub(crate) const ACTIVATION: &str = "/activate";
/// The page that the link in a mail about a password leads to.
pub(crate) const PASSWORD: &str = "/reset-password";

/// What a page of ours may load: its own inline style, nothing else; its forms come back here.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Makes text safe to stand in HTML, in attributes too.
pub(crate) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// What every page carries.
pub(crate) const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)),
];

/// A whole page around this content. The content must be HTML that is safe already; the title is escaped here.
pub(crate) fn page(status: StatusCode, title: &str, content: &str) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    for header in HEADERS {
        response.insert_header(header);
    }
    response.body(document(title, content))
}

fn document(title: &str, content: &str) -> String {
    let title = escaped(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} – Cinema</title>\n\
         <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;\
         color:#1c1b22}}code{{background:#eee;padding:.1em .3em}}\
         button{{font:inherit;padding:.5em 1.2em;border:0;border-radius:.3em;background:#8b1e3f;color:#fff;\
         cursor:pointer}}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{content}\n</main>\n</body>\n</html>\n"
    )
}

/// A page that is the answer of a documented call.
#[derive(Debug)]
pub(crate) struct Page(pub(crate) HttpResponse);

impl Responder for Page {
    type Body = BoxBody;

    fn respond_to(self, _request: &HttpRequest) -> HttpResponse {
        self.0
    }
}

impl Apiv2Schema for Page {}

impl OperationModifier for Page {
    fn update_response(op: &mut DefaultOperationRaw) {
        let media = json!({"schema": {"type": "string"}, "example": "<!DOCTYPE html>"});
        carrier::add_media_answer(op, "A page for people.", "text/html", media, &[]);
    }
}

/// Whether people see what is answered on this route, so that a problem there is a page too.
pub(crate) fn is_for_people(route: Option<&str>) -> bool {
    route.is_some_and(|route| [ACTIVATION, PASSWORD].contains(&route))
}

/// A problem as a page.
pub(crate) fn explained(problem: &Problem) -> String {
    let detail = problem.detail.as_deref().unwrap_or(problem.kind.explanation);
    let (title, text) = match problem.kind {
        kind if kind.status >= 500 => (
            "Not now",
            "That could not be done just now. Nothing is lost: try the same link again in a minute."
                .to_owned(),
        ),
        kind if kind == &kinds::RATE_LIMITED => {
            ("Too many tries", format!("Wait {}, then try again.", wait(problem)))
        }
        kind => (kind.title, detail.to_owned()),
    };
    document(title, &format!("<p>{}</p>", escaped(&text)))
}

/// How long the problem asks to wait, in words.
fn wait(problem: &Problem) -> String {
    let told = problem.headers.iter().find(|(name, _)| name == header::RETRY_AFTER);
    let seconds = told.and_then(|(_, value)| value.to_str().ok()?.parse::<u64>().ok()).unwrap_or(60);
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
    fn what_could_leave_an_attribute_is_escaped() {
        assert_eq!(escaped(r#"<a href="x" o='y'>&"#), "&lt;a href=&quot;x&quot; o=&#39;y&#39;&gt;&amp;");
    }

    #[test]
    fn who_has_to_wait_is_told_how_long_in_words() {
        for (seconds, words) in
            [(1, "a minute"), (60, "a minute"), (61, "2 minutes"), (3_600, "60 minutes"), (3_601, "2 hours")]
        {
            let problem =
                Problem::new(&kinds::RATE_LIMITED).with_header(RETRY_AFTER, HeaderValue::from(seconds));
            assert!(explained(&problem).contains(&format!("Wait {words},")), "{seconds}");
        }
    }

    #[test]
    fn a_problem_s_own_words_are_escaped() {
        let problem = Problem::new(&kinds::MALFORMED_REQUEST).because("<script>");
        assert!(explained(&problem).contains("<p>&lt;script&gt;</p>"));
    }
}
