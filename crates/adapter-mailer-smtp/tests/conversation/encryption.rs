//! Tests of TLS: when it is used, and that no password or mail is sent if the server's certificate is not trusted, or
//! if required TLS is not available.

use std::io::Write as _;

use adapter_mailer_smtp::SmtpError;
use rcgen::{BasicConstraints, IsCa};
use tempfile::NamedTempFile;

use crate::{
    mailer, send,
    server::{Identity, Script, Server},
};

const OFFERS: &[&str] = &["STARTTLS", "AUTH PLAIN"];

/// A server, and a file with its certificate.
struct Setting {
    server: Server,
    authorities: NamedTempFile,
}

impl Setting {
    /// Starts a server whose certificate is trusted only by clients that use the file `authorities`. If
    /// `from_the_start` is `true`, TLS begins with the first byte; otherwise, the server offers STARTTLS.
    async fn new(from_the_start: bool) -> Self {
        Self::with(Identity::new(IsCa::NoCa), from_the_start).await
    }

    async fn with(identity: Identity, from_the_start: bool) -> Self {
        let mut authorities = NamedTempFile::new().unwrap();
        authorities.write_all(identity.pem.as_bytes()).unwrap();
        let offers = if from_the_start { &["AUTH PLAIN"] } else { OFFERS };
        let script = Script { offers, tls: Some((identity, from_the_start)), ..Script::default() };
        Self { server: Server::start(script).await, authorities }
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://ann:secret@127.0.0.1:{}", self.server.port())
    }

    fn trusting(&self, scheme: &str) -> String {
        format!("{}?ca={}", self.url(scheme), self.authorities.path().display())
    }

    fn mails(&self) -> usize {
        self.server.mails().len()
    }
}

#[tokio::test]
async fn if_starttls_is_offered_it_is_used_before_the_password_is_sent() {
    for parameter in ["", "&tls=required", "&tls=opportunistic"] {
        let setting = Setting::new(false).await;
        send(&mailer(&format!("{}{parameter}", setting.trusting("smtp"))), 1).await.unwrap();
        let heard = setting.server.heard();
        let expected = ["1 EHLO cinema.example", "1 STARTTLS", "1 (encrypted)", "1 EHLO cinema.example"];
        assert_eq!(heard[..4], expected, "{parameter}");
        assert!(heard[4].starts_with("1 AUTH PLAIN"), "{parameter}: {heard:?}");
        assert_eq!(setting.mails(), 1, "{parameter}");
    }
}

#[tokio::test]
async fn smtps_is_encrypted_from_the_start() {
    let setting = Setting::new(true).await;
    send(&mailer(&setting.trusting("smtps")), 1).await.unwrap();
    assert_eq!(setting.mails(), 1);
}

#[tokio::test]
async fn a_self_signed_authority_certificate_is_accepted_when_ca_names_it() {
    for (scheme, from_the_start) in [("smtp", false), ("smtps", true)] {
        let own = Identity::new(IsCa::Ca(BasicConstraints::Unconstrained));
        let setting = Setting::with(own, from_the_start).await;
        send(&mailer(&setting.trusting(scheme)), 1).await.unwrap();
        assert_eq!(setting.mails(), 1);
        let error = send(&mailer(&setting.url(scheme)), 1).await.unwrap_err();
        assert!(matches!(&error, SmtpError::Unreachable(text) if text.contains("certificate")), "{error}");
        assert_eq!(setting.mails(), 1);
    }
}

#[tokio::test]
async fn neither_password_nor_mail_is_sent_to_a_server_with_an_untrusted_certificate() {
    for (scheme, from_the_start) in [("smtp", false), ("smtps", true)] {
        let setting = Setting::new(from_the_start).await;
        let error = send(&mailer(&setting.url(scheme)), 1).await.unwrap_err();
        assert!(matches!(&error, SmtpError::Unreachable(text) if text.contains("certificate")), "{error}");
        let heard = setting.server.heard();
        assert!(!heard.iter().any(|line| line.contains("AUTH") || line.contains("MAIL")), "{heard:?}");
        assert_eq!(setting.mails(), 0);
    }
}

#[tokio::test]
async fn required_tls_refuses_a_server_without_it() {
    let server = Server::start(Script { offers: &["AUTH PLAIN"], ..Script::default() }).await;
    let url = format!("smtp://ann:secret@127.0.0.1:{}?tls=required", server.port());
    assert_eq!(send(&mailer(&url), 1).await, Err(SmtpError::NoStartTls));
    assert_eq!(server.heard(), ["1 EHLO cinema.example", "1 QUIT"]);
}

#[tokio::test]
async fn required_tls_refuses_a_server_that_offers_starttls_and_then_declines_it() {
    let script = Script { offers: OFFERS, replies: &[("STARTTLS", "454 not now")], tls: None };
    let server = Server::start(script).await;
    let url = format!("smtp://ann:secret@127.0.0.1:{}?tls=required", server.port());
    assert_eq!(send(&mailer(&url), 1).await, Err(SmtpError::ConnectionRefused(454)));
    assert_eq!(server.heard()[1..], ["1 STARTTLS", "1 QUIT"]);
}

#[tokio::test]
async fn tls_none_never_uses_tls() {
    let setting = Setting::new(false).await;
    send(&mailer(&format!("{}?tls=none", setting.url("smtp"))), 1).await.unwrap();
    assert!(!setting.server.heard().iter().any(|line| line.contains("STARTTLS")));
    assert_eq!(setting.mails(), 1);
}
