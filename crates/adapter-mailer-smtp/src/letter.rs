use std::time::{Duration, SystemTime};

use domain::{id::OutboxId, mail::Mail};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};
use url::Host;

use crate::{failure::SmtpError, html, relay::SmtpConfigError};

/// Who the mails come from.
pub(crate) struct Sender {
    mailbox: Mailbox,
}

impl Sender {
    pub(crate) fn parse(from: &str) -> Result<Self, SmtpConfigError> {
        let mut mailbox: Mailbox = from.trim().parse().map_err(|_| SmtpConfigError::From)?;
        mailbox.email = deliverable(mailbox.email);
        Ok(Self { mailbox })
    }

    /// The domain of the address, in ASCII where it can be.
    pub(crate) fn domain(&self) -> &str {
        self.mailbox.email.domain()
    }

    /// Writes the mail as it goes over the wire. All of it follows from `id` and `mail`, so that a mail that is sent again is
    /// the same.
    pub(crate) fn letter(&self, id: OutboxId, mail: &Mail) -> Result<Message, SmtpError> {
        let to: Address = mail.to.as_str().parse().map_err(|_| SmtpError::Unsendable)?;
        // A line end would let a subject write headers of its own, were it not encoded.
        let subject: String = mail.subject.chars().filter(|character| !character.is_control()).collect();
        let page = html::page(&subject, &mail.text);
        let mut letter = Message::builder()
            .message_id(Some(format!("<{id}@{}>", self.domain())))
            .from(self.mailbox.clone())
            .to(Mailbox::new(None, deliverable(to)))
            .subject(subject)
            // RFC 3834: no out-of-office replies, please.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        if let Some(date) = written_at(id) {
            letter = letter.date(date);
        }
        let parts = MultiPart::alternative()
            .boundary(format!("part-{id}"))
            .singlepart(SinglePart::plain(mail.text.clone()))
            .singlepart(SinglePart::html(page));
        letter.multipart(parts).map_err(|_| SmtpError::Unsendable)
    }
}

/// The address with its domain in ASCII (RFC 5891), which every server understands; one that cannot be so, as it is.
fn deliverable(address: Address) -> Address {
    if address.domain().is_ascii() {
        return address;
    }
    let domain = Host::parse(address.domain()).map(|host| host.to_string());
    domain.ok().and_then(|domain| Address::new(address.user(), domain).ok()).unwrap_or(address)
}

/// When the mail was written, which its identifier tells to the millisecond.
fn written_at(id: OutboxId) -> Option<SystemTime> {
    /// The last second of the year 9999, which the `Date` header can still write.
    const LAST_SECOND: u64 = 253_402_300_799;
    let (seconds, _) = id.as_uuid().get_timestamp()?.to_unix();
    (seconds <= LAST_SECOND)
        .then(|| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> OutboxId {
        "0190a1b2-0000-7000-8000-000000000000".parse().unwrap()
    }

    fn mail(to: &str, subject: &str) -> Mail {
        Mail { to: to.parse().unwrap(), subject: subject.to_owned(), text: "Hello.\n".to_owned() }
    }

    fn headers(from: &str, mail: &Mail) -> String {
        let letter = Sender::parse(from).unwrap().letter(id(), mail).unwrap();
        let text = String::from_utf8(letter.formatted()).unwrap();
        text.split_once("\r\n\r\n").unwrap().0.to_owned()
    }

    #[test]
    fn a_letter_has_the_headers_of_a_mail_by_a_machine() {
        let headers = headers("Cinema <no-reply@cinema.example>", &mail("ann@example.com", "Activate"));
        let mut lines: Vec<_> = headers.split("\r\n").collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                " boundary=\"part-0190a1b2-0000-7000-8000-000000000000\"",
                "Auto-Submitted: auto-generated",
                "Content-Type: multipart/alternative;",
                "Date: Thu, 11 Jul 2024 12:08:35 +0000",
                "From: Cinema <no-reply@cinema.example>",
                "MIME-Version: 1.0",
                "Message-ID: <0190a1b2-0000-7000-8000-000000000000@cinema.example>",
                "Subject: Activate",
                "To: ann@example.com",
            ]
        );
    }

    #[test]
    fn a_letter_written_again_is_the_same_to_the_byte() {
        let sender = Sender::parse("no-reply@cinema.example").unwrap();
        let letters =
            [(); 2].map(|()| sender.letter(id(), &mail("ann@example.com", "A")).unwrap().formatted());
        assert_eq!(letters[0], letters[1]);
    }

    #[test]
    fn a_subject_cannot_write_headers_and_may_have_any_letters() {
        let headers = headers("a@cinema.example", &mail("ann@example.com", "Grüße\r\nBcc: eve@example.com"));
        assert!(!headers.lines().any(|line| line.starts_with("Bcc")), "{headers}");
        assert!(headers.is_ascii() && headers.contains("Subject: =?utf-8?b?"), "{headers}");
    }

    #[test]
    fn an_international_domain_is_written_in_ascii() {
        let letter =
            Sender::parse("a@kino.example").unwrap().letter(id(), &mail("ann@bücher.example", "A")).unwrap();
        assert_eq!(letter.envelope().to()[0].to_string(), "ann@xn--bcher-kva.example");
        assert_eq!(Sender::parse("a@bücher.example").unwrap().domain(), "xn--bcher-kva.example");
    }

    #[test]
    fn what_is_no_address_cannot_send() {
        for bad in
            ["", "cinema", "a@b@c", "Cinema <>", "a@example.com, b@example.com", "a@example.com\r\nBcc: b"]
        {
            assert!(matches!(Sender::parse(bad), Err(SmtpConfigError::From)), "{bad:?}");
        }
    }
}
