//! The mails. Each mail is a struct with its data and two templates in `templates/mails`: one for the text part, and
//! one for the HTML part, which is escaped automatically and framed by `layout.html`.
//!
//! To add a mail: write the struct and its [`mail!`] line in the file of its area, its two templates, and a sample in
//! `samples` of that file, which the tests of this module check.

pub(crate) mod accounts;
pub(crate) mod notifications;
pub(crate) mod orders;

use std::fmt::{self, Display};

use domain::{accounts::EmailAddress, mail::Mail, time::Instant};

/// The content of one kind of mail. Implemented by [`mail!`].
pub(crate) trait Content {
    /// The subject line, also the heading of the HTML part.
    fn subject(&self) -> String;
    /// See [`Mail::unsubscribe_url`].
    fn unsubscribe_url(&self) -> Option<&str>;
    /// The text part.
    fn text(&self, page: &Page<'_>) -> String;
    /// The HTML part.
    fn html(&self, page: &Page<'_>) -> String;
}

/// The data that templates can use in addition to the data of their mail.
pub(crate) struct Page<'a> {
    /// [`Content::subject`].
    subject: &'a str,
    /// The beginning of every link except the unsubscribe link, without a trailing slash (`FRONTEND_URL`).
    frontend_url: &'a str,
    /// [`Content::unsubscribe_url`].
    unsubscribe_url: Option<&'a str>,
}

/// Composes the mail to this recipient; its links, except the unsubscribe link, begin with `frontend_url`.
pub(crate) fn compose(to: &EmailAddress, frontend_url: &str, content: &(impl Content + ?Sized)) -> Mail {
    let subject = content.subject();
    let unsubscribe_url = content.unsubscribe_url();
    let page = Page { subject: &subject, frontend_url, unsubscribe_url };
    let (text, html) = (content.text(&page), content.html(&page));
    let unsubscribe_url = unsubscribe_url.map(str::to_owned);
    Mail { to: to.clone(), subject, text, html: Some(html), unsubscribe_url }
}

/// Implements [`Content`] for a struct: `mail!(Struct, "text template", "HTML template", subject)`. The templates read
/// the struct as `mail` and [`Page`] as `page`. The subject is a literal, or a closure `|mail| …` that returns a
/// `String`. For a mail that its recipient can unsubscribe from, a further argument `|mail| …` returns
/// [`Content::unsubscribe_url`].
macro_rules! mail {
    ($mail:ty, $text:tt, $html:tt, $subject:literal) => {
        $crate::mails::mail!($mail, $text, $html, |_| $subject.to_owned());
    };
    ($mail:ty, $text:tt, $html:tt, $subject:expr) => {
        $crate::mails::mail!($mail, $text, $html, $subject, |_| None);
    };
    ($mail:ty, $text:tt, $html:tt, $subject:expr, $unsubscribe_url:expr) => {
        impl $crate::mails::Content for $mail {
            fn subject(&self) -> String {
                let subject: fn(&Self) -> String = $subject;
                subject(self)
            }

            fn unsubscribe_url(&self) -> Option<&str> {
                let unsubscribe_url: fn(&Self) -> Option<&str> = $unsubscribe_url;
                unsubscribe_url(self)
            }

            fn text(&self, page: &$crate::mails::Page<'_>) -> String {
                #[derive(askama::Template)]
                #[template(path = $text)]
                struct Text<'a> {
                    mail: &'a $mail,
                    page: &'a $crate::mails::Page<'a>,
                }
                let part = Text { mail: self, page };
                // Some templates do not use the data of their mail.
                let _read = (part.mail, part.page);
                part.to_string()
            }

            fn html(&self, page: &$crate::mails::Page<'_>) -> String {
                #[derive(askama::Template)]
                #[template(path = $html)]
                struct Html<'a> {
                    mail: &'a $mail,
                    page: &'a $crate::mails::Page<'a>,
                }
                let part = Html { mail: self, page };
                // Some templates do not use the data of their mail.
                let _read = (part.mail, part.page);
                part.to_string()
            }
        }
    };
}
pub(crate) use mail;

/// A moment for human readers: `3 November 2026 at 09:05 UTC`.
pub(crate) struct Moment(pub(crate) Instant);

impl Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.format("%-d %B %Y at %H:%M UTC").fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;

    const FRONTEND: &str = "https://cinema.example";

    /// One mail of each kind.
    fn samples() -> Vec<Mail> {
        let to = "ann@example.com".parse().unwrap();
        let contents =
            accounts::samples().into_iter().chain(notifications::samples()).chain(orders::samples());
        contents.map(|content| compose(&to, FRONTEND, &*content)).collect()
    }

    /// A mail with hostile data, from which its recipient can unsubscribe.
    struct Hostile {
        token: domain::entropy::PlainToken,
        unsubscribe_url: String,
    }

    mail!(
        Hostile,
        "mails/accounts/activation.txt",
        "mails/accounts/activation.html",
        |_| "</title><script>".to_owned(),
        |mail| Some(&mail.unsubscribe_url)
    );

    fn hostile() -> Mail {
        let content = Hostile {
            token: domain::entropy::PlainToken::new("\"><img src=x>".to_owned()),
            unsubscribe_url: "https://cinema.example/unsubscribe?a=1&b=2".to_owned(),
        };
        compose(&"ann@example.com".parse().unwrap(), FRONTEND, &content)
    }

    fn html(mail: &Mail) -> &str {
        mail.html.as_deref().unwrap()
    }

    /// Returns the links in the text part or the HTML part of a mail.
    fn links(text: &str) -> BTreeSet<&str> {
        let starts = text.match_indices("https://").map(|(start, _)| &text[start..]);
        let ends = |c: char| c.is_whitespace() || "<>\"".contains(c);
        starts.map(|rest| rest.split(ends).next().unwrap().trim_end_matches('.')).collect()
    }

    #[test]
    fn every_template_of_a_mail_is_tested() {
        let mut files = 0;
        let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/mails")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if fs::read_to_string(&path).unwrap().contains("{% extends") {
                    let other = if path.extension().unwrap() == "txt" { "html" } else { "txt" };
                    assert!(path.with_extension(other).exists(), "{} has no {other} part", path.display());
                    files += 1;
                }
            }
        }
        assert_eq!(files, samples().len() * 2, "a kind of mail is not among the samples");
    }

    #[test]
    fn both_parts_of_a_mail_have_the_same_links() {
        for mail in samples() {
            // The layout of the HTML part also links to the start page of the site.
            let mut in_text = links(&mail.text);
            in_text.insert(FRONTEND);
            assert_eq!(links(html(&mail)), in_text, "{}", mail.subject);
        }
    }

    #[test]
    fn a_text_part_is_plain_paragraphs() {
        for Mail { text, .. } in samples() {
            assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text:?}");
            assert!(!text.starts_with('\n') && !text.contains("\n\n\n"), "{text:?}");
            assert!(!text.contains(['<', '&', '{']), "{text}");
        }
    }

    #[test]
    fn an_html_part_loads_nothing_and_runs_nothing() {
        for mail in samples() {
            let html = html(&mail).to_lowercase();
            for remote in
                ["src=", "url(", "<link", "@import", "<script", "<img", "<iframe", "javascript:", "onclick"]
            {
                assert!(!html.contains(remote), "{remote} in {}", mail.subject);
            }
            assert!(html.contains("prefers-color-scheme: dark") && html.contains("width=device-width"));
            assert!(html.matches("<h1").count() == 1 && !html.contains("{{"), "{html}");
        }
    }

    #[test]
    fn data_is_never_markup() {
        let mail = hostile();
        let html = html(&mail);
        assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
        assert!(html.contains("<title>&#60;/title&#62;&#60;script&#62;</title>"), "{html}");
        assert!(html.contains("token=&#34;&#62;&#60;img src=x&#62;\""), "{html}");
        assert!(mail.text.contains("/activate?token=\"><img src=x>\n"), "{}", mail.text);
    }

    #[test]
    fn a_mail_that_can_be_switched_off_has_an_unsubscribe_link_in_both_parts() {
        let mail = hostile();
        assert_eq!(mail.unsubscribe_url.as_deref(), Some("https://cinema.example/unsubscribe?a=1&b=2"));
        let end = "\n\n-- \nNo more mails of this kind: https://cinema.example/unsubscribe?a=1&b=2\n";
        assert!(mail.text.ends_with(end), "{:?}", mail.text);
        let link = "href=\"https://cinema.example/unsubscribe?a=1&#38;b=2\"";
        assert!(html(&mail).contains(link), "{}", html(&mail));
        let can_be_switched_off = samples().iter().filter(|mail| mail.unsubscribe_url.is_some()).count();
        assert_eq!(can_be_switched_off, notifications::samples().len());
    }
}
