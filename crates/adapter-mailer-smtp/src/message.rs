use std::time::{Duration, SystemTime};

use domain::{id::OutboxId, mail::Mail};
use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};
use url::{Host, Url};

use crate::{failure::SmtpError, relay::SmtpConfigError};

/// The sender of mails, which builds the messages (RFC 5322).
pub(crate) struct Sender {
    mailbox: Mailbox,
}

impl Sender {
    pub(crate) fn parse(from: &str) -> Result<Self, SmtpConfigError> {
        let mut mailbox: Mailbox = from.trim().parse().map_err(|_| SmtpConfigError::From)?;
        mailbox.email = with_ascii_domain(mailbox.email);
        Ok(Self { mailbox })
    }

    /// The domain of the sender's address, in ASCII if possible.
    pub(crate) fn domain(&self) -> &str {
        self.mailbox.email.domain()
    }

    /// Builds the message of a mail. It depends only on the sender, `id` and `mail`, so that a mail that is sent again
    /// has the same bytes.
    pub(crate) fn message(&self, id: OutboxId, mail: &Mail) -> Result<Message, SmtpError> {
        let to: Address = mail.to.as_str().parse().map_err(|_| SmtpError::Unsendable)?;
        let to = with_ascii_domain(to);
        // The envelope is set explicitly. Otherwise lettre would derive it from the headers, and its header parser
        // rejects some addresses that its address parser accepts, such as `"ann@home"@example.com`.
        let envelope = Envelope::new(Some(self.mailbox.email.clone()), vec![to.clone()]);
        // Control characters are removed, because an unencoded line break in the subject would allow adding headers to
        // the message.
        let subject: String = mail.subject.chars().filter(|character| !character.is_control()).collect();
        let mut message = Message::builder()
            .message_id(Some(format!("<{id}@{}>", self.domain())))
            .from(self.mailbox.clone())
            .to(Mailbox::new(None, to))
            .envelope(envelope.map_err(|_| SmtpError::Unsendable)?)
            .subject(subject)
            // Tells other servers not to send out-of-office replies (RFC 3834).
            .raw_header(header("Auto-Submitted", "auto-generated"));
        if let Some(url) = &mail.unsubscribe_url {
            // Parsing percent-encodes the URL, so that it is ASCII without spaces and angle brackets.
            let url = Url::parse(url).map_err(|_| SmtpError::Unsendable)?;
            message = message
                .raw_header(header("List-Unsubscribe", &format!("<{url}>")))
                .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
        }
        if let Some(date) = written_at(id) {
            message = message.date(date);
        }
        let text = SinglePart::plain(mail.text.clone());
        let built = match &mail.html {
            None => message.singlepart(text),
            Some(html) => {
                let parts = MultiPart::alternative().boundary(format!("part-{id}"));
                message.multipart(parts.singlepart(text).singlepart(SinglePart::html(html.clone())))
            }
        };
        built.map_err(|_| SmtpError::Unsendable)
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// Returns the address with its domain in ASCII (RFC 5891), which every server supports. If the domain has no ASCII
/// form, returns the address unchanged.
fn with_ascii_domain(address: Address) -> Address {
    if address.domain().is_ascii() {
        return address;
    }
    let domain = Host::parse(address.domain()).map(|host| host.to_string());
    domain.ok().and_then(|domain| Address::new(address.user(), domain).ok()).unwrap_or(address)
}

/// The time when the mail was written, in whole seconds, taken from its identifier (UUIDv7).
fn written_at(id: OutboxId) -> Option<SystemTime> {
    /// The last second of the year 9999. The header `Date` cannot represent later times.
    const LAST_SECOND: u64 = 253_402_300_799;
    let (seconds, _) = id.as_uuid().get_timestamp()?.to_unix();
    (seconds <= LAST_SECOND)
        .then(|| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
        .flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id() -> OutboxId {
        "0190a1b2-0000-7000-8000-000000000000".parse().unwrap()
    }

    fn mail(to: &str, subject: &str) -> Mail {
        Mail {
            to: to.parse().unwrap(),
            subject: subject.to_owned(),
            text: "Hello.\n".to_owned(),
            html: Some("<p>Hello.</p>".to_owned()),
            unsubscribe_url: None,
        }
    }

    fn written(mail: &Mail) -> String {
        let message = Sender::parse("a@cinema.example").unwrap().message(id(), mail).unwrap();
        String::from_utf8(message.formatted()).unwrap()
    }

    fn headers(from: &str, mail: &Mail) -> String {
        let message = Sender::parse(from).unwrap().message(id(), mail).unwrap();
        let text = String::from_utf8(message.formatted()).unwrap();
        text.split_once("\r\n\r\n").unwrap().0.to_owned()
    }

    #[test]
    fn a_message_has_the_headers_of_an_automatic_mail() {
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
    fn a_message_that_is_built_again_has_the_same_bytes() {
        let sender = Sender::parse("no-reply@cinema.example").unwrap();
        let messages =
            [(); 2].map(|()| sender.message(id(), &mail("ann@example.com", "A")).unwrap().formatted());
        assert_eq!(messages[0], messages[1]);
    }

    #[test]
    fn a_subject_cannot_add_headers_and_may_contain_any_letters() {
        let headers = headers("a@cinema.example", &mail("ann@example.com", "Grüße\r\nBcc: eve@example.com"));
        assert!(!headers.lines().any(|line| line.starts_with("Bcc")), "{headers}");
        assert!(headers.is_ascii() && headers.contains("Subject: =?utf-8?b?"), "{headers}");
    }

    #[test]
    fn an_international_domain_is_written_in_ascii() {
        let message =
            Sender::parse("a@kino.example").unwrap().message(id(), &mail("ann@bücher.example", "A")).unwrap();
        assert_eq!(message.envelope().to()[0].to_string(), "ann@xn--bcher-kva.example");
        assert_eq!(Sender::parse("a@bücher.example").unwrap().domain(), "xn--bcher-kva.example");
    }

    /// The headers and the envelope's recipient of a mail to this address.
    fn delivered_to(address: &str) -> Result<(String, String), SmtpError> {
        let message = Sender::parse("a@cinema.example").unwrap().message(id(), &mail(address, "A"))?;
        let text = String::from_utf8(message.formatted()).unwrap();
        let headers = text.split_once("\r\n\r\n").unwrap().0.to_owned();
        Ok((headers, message.envelope().to()[0].to_string()))
    }

    #[test]
    fn unusual_addresses_stand_unchanged_in_header_and_envelope() {
        for address in [
            "\"ann@home\"@example.com",
            "\"a\\\"b>,;:()\"@example.com",
            "ann+tag/x=y?!#$%&'*{|}~^_`-@example.com",
            "änn@example.com",
            "千と千尋@example.com",
        ] {
            let (headers, envelope) = delivered_to(address).unwrap();
            assert_eq!(envelope, address);
            assert!(headers.contains(&format!("\r\nTo: {address}\r\n")), "{headers}");
        }
    }

    fn unusual_address() -> impl Strategy<Value = String> {
        let name =
            prop_oneof!["[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,20}", "\"([ -~]|\\\\[ -~]){0,20}\"", "\\PC{1,12}"];
        let host = prop_oneof![
            "[a-zA-Z0-9-]{1,12}\\.(com|example)",
            "[\\p{L}\\p{N}-]{1,6}\\.(com|рф|みんな)",
            "xn--[a-z0-9-]{1,12}\\.com",
        ];
        (name, host).prop_map(|(name, host)| format!("{name}@{host}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig { max_global_rejects: 100_000, ..ProptestConfig::default() })]

        /// A message can be built for every address that `EmailAddress` accepts.
        #[test]
        fn a_mail_to_any_address_can_be_built(address in unusual_address()) {
            prop_assume!(address.parse::<domain::accounts::EmailAddress>().is_ok());
            let delivered = delivered_to(&address);
            prop_assert!(delivered.is_ok(), "{}", address);
            let (headers, envelope) = delivered.unwrap();
            prop_assert!(!envelope.contains(['\r', '\n']));
            prop_assert_eq!(headers.matches("\r\nTo: ").count(), 1);
            prop_assert!(envelope.rsplit_once('@').unwrap().1.is_ascii(), "{}", envelope);
        }
    }

    #[test]
    fn a_mail_without_an_html_part_is_plain_text() {
        let text = written(&Mail { html: None, ..mail("ann@example.com", "A") });
        assert!(text.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"), "{text}");
        assert!(!text.contains("multipart") && text.ends_with("\r\n\r\nHello.\r\n\r\n"), "{text:?}");
    }

    #[test]
    fn a_mail_that_can_be_switched_off_has_unsubscribe_headers() {
        let long = "a".repeat(200);
        let url = format!("https://cinema.example/unsubscribe?token={long}&für=ann>\r\nBcc: eve@example.com");
        let text = written(&Mail { unsubscribe_url: Some(url), ..mail("ann@example.com", "A") });
        let expected = format!(
            "<https://cinema.example/unsubscribe?token={long}&f%C3%BCr=ann%3EBcc:%20eve@example.com>\r\n"
        );
        let (headers, _) = text.split_once("\r\n\r\n").unwrap();
        let (_, rest) = text.split_once("\r\nList-Unsubscribe: ").unwrap();
        assert!(rest.trim_start().starts_with(&expected), "{headers}");
        assert!(headers.contains("\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{headers}");
        assert!(!headers.lines().any(|line| line.starts_with("Bcc")), "{headers}");
        let bad = Mail { unsubscribe_url: Some("unsubscribe".to_owned()), ..mail("ann@example.com", "A") };
        let error = Sender::parse("a@cinema.example").unwrap().message(id(), &bad).unwrap_err();
        assert_eq!(error, SmtpError::Unsendable);
    }

    #[test]
    fn an_invalid_sender_address_is_refused() {
        for bad in
            ["", "cinema", "a@b@c", "Cinema <>", "a@example.com, b@example.com", "a@example.com\r\nBcc: b"]
        {
            assert!(matches!(Sender::parse(bad), Err(SmtpConfigError::From)), "{bad:?}");
        }
    }
}
