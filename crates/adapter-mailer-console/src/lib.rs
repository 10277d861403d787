//! A mailer for development, which prints each mail instead of sending it.

use std::io::{self, Write};

use async_trait::async_trait;
use domain::{
    id::OutboxId,
    mail::{Mail, MailError, Mailer},
};

/// Prints each mail on standard output: the lines `To:` and `Subject:`, an empty line, the text part, and an empty
/// line. Standard output is locked while a mail is written, so that concurrent mails are not mixed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConsoleMailer;

#[async_trait]
impl Mailer for ConsoleMailer {
    async fn send(&self, _id: OutboxId, mail: &Mail) -> Result<(), MailError> {
        let text = render(mail);
        // Writing blocks if standard output is a pipe with a slow reader, so it must not run on a thread that serves
        // requests.
        tokio::task::spawn_blocking(move || print(&text))
            .await
            .map_err(|error| MailError::Temporary(Box::new(error)))?
            .map_err(|error| MailError::Temporary(Box::new(error)))
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn render(mail: &Mail) -> String {
    let Mail { to, subject, text, .. } = mail;
    // A line break in the subject would look like another header line in the output.
    let subject: String = subject.chars().filter(|character| !character.is_control()).collect();
    format!("To: {}\nSubject: {subject}\n\n{}\n\n", to.as_str(), text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_mail_has_headers_an_empty_line_the_text_and_an_empty_line() {
        let mail = Mail {
            to: "ann@example.com".parse().unwrap(),
            subject: "Activate\r\nBcc: eve@example.com".to_owned(),
            text: "Hello,\n\nopen http://localhost/activate?token=x\n".to_owned(),
            html: Some("<p>Hello</p>".to_owned()),
            unsubscribe_url: None,
        };
        let expected = "To: ann@example.com\nSubject: ActivateBcc: eve@example.com\n\n\
            Hello,\n\nopen http://localhost/activate?token=x\n\n";
        assert_eq!(render(&mail), expected);
    }
}
