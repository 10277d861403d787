//! The few pages that the server shows to people.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};

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

/// A whole page around this content. The content must be HTML that is safe already; the title is escaped here.
pub(crate) fn page(status: StatusCode, title: &str, content: &str) -> HttpResponse {
    let title = escaped(title);
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title} – Cinema</title>\n\
         <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;\
         color:#1c1b22}}code{{background:#eee;padding:.1em .3em}}\
         button{{font:inherit;padding:.5em 1.2em;border:0;border-radius:.3em;background:#8b1e3f;color:#fff;\
         cursor:pointer}}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{content}\n</main>\n</body>\n</html>\n"
    );
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .body(html)
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_could_leave_an_attribute_is_escaped() {
        assert_eq!(escaped(r#"<a href="x" o='y'>&"#), "&lt;a href=&quot;x&quot; o=&#39;y&#39;&gt;&amp;");
    }
}
