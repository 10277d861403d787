use std::error::Error as _;

use domain::mail::MailError;
use lettre::transport::smtp::Error;

/// Why the mail server did not accept a mail.
///
/// The messages are for operators. They contain no address, content or password, and only the code of the server's reply,
/// since servers quote addresses in its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmtpError {
    /// No connection: no such host, nobody listens, no valid certificate.
    #[error("no connection to the mail server: {0}")]
    Unreachable(String),
    /// The server offers STARTTLS, and there is no certificate to verify it with.
    #[error(
        "this machine trusts no certificates: install the package ca-certificates, or add ca=FILE or tls=none to SMTP_URL"
    )]
    NothingTrusted,
    /// `tls=required` is set, and the server does not offer STARTTLS.
    #[error("the mail server offers no STARTTLS, which SMTP_URL requires")]
    NoStartTls,
    /// The server refused the connection, with its reply code.
    #[error("the mail server refused the connection with {0}")]
    ConnectionRefused(u16),
    /// The server refused user and password, with its reply code.
    #[error("the mail server refused the login with {0}")]
    LoginRefused(u16),
    /// The server supports no way to log in that this mailer supports (PLAIN, LOGIN).
    #[error("the mail server accepts no password, or not on this connection")]
    NoLogin,
    /// The server refused the mail, with its reply code: 4xx temporarily, 5xx permanently.
    #[error("the mail server refused the mail with {0}")]
    MailRefused(u16),
    /// The address has letters beyond ASCII, and this server cannot deliver to such addresses (RFC 6531).
    #[error("the mail server cannot deliver to an address of this kind")]
    AddressNotSupported,
    /// The mail cannot be built, so no attempt can succeed.
    #[error("no mail can be built from this message")]
    Unsendable,
    /// The server took too long.
    #[error("the mail server took too long")]
    TimedOut,
    /// The connection broke, or the server does not speak SMTP.
    #[error("the mail server closed the connection or sent an unexpected reply")]
    Broken,
}

impl SmtpError {
    pub(crate) fn while_connecting(error: &Error) -> Self {
        match (code(error), error.source()) {
            (Some(code), _) => Self::ConnectionRefused(code),
            _ if error.is_response() || error.is_client() => Self::Broken,
            // Errors of the operating system or the TLS library, which quote only the server's name.
            (None, Some(source)) => Self::Unreachable(source.to_string()),
            (None, None) => Self::Broken,
        }
    }

    pub(crate) fn while_logging_in(error: &Error) -> Self {
        match code(error) {
            Some(code) => Self::LoginRefused(code),
            None if error.is_client() => Self::NoLogin,
            None => Self::Broken,
        }
    }

    pub(crate) fn while_sending(error: &Error) -> Self {
        match code(error) {
            Some(code) => Self::MailRefused(code),
            // The library itself refuses only addresses that need SMTPUTF8.
            None if error.is_client() => Self::AddressNotSupported,
            None => Self::Broken,
        }
    }

    /// Whether the mail itself was refused permanently. Faults that an operator can repair (certificate, password, missing
    /// authentication: RFC 4954) count as temporary, so that a wrong setting does not lose every mail.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        match self {
            Self::MailRefused(530 | 534 | 535 | 538) => false,
            Self::MailRefused(500..) | Self::AddressNotSupported | Self::Unsendable => true,
            _ => false,
        }
    }
}

impl From<SmtpError> for MailError {
    fn from(error: SmtpError) -> Self {
        if error.is_permanent() { Self::Permanent(Box::new(error)) } else { Self::Temporary(Box::new(error)) }
    }
}

fn code(error: &Error) -> Option<u16> {
    error.status().map(u16::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_mail_is_final_and_a_wrong_setting_is_not() {
        use SmtpError as E;
        for permanent in [E::MailRefused(550), E::MailRefused(554), E::AddressNotSupported, E::Unsendable] {
            assert!(permanent.is_permanent(), "{permanent}");
        }
        for temporary in [
            E::MailRefused(451),
            E::MailRefused(530),
            E::MailRefused(535),
            E::ConnectionRefused(554),
            E::LoginRefused(535),
            E::NoLogin,
            E::NoStartTls,
            E::TimedOut,
            E::Broken,
            E::Unreachable("no certificate".to_owned()),
        ] {
            assert!(!temporary.is_permanent(), "{temporary}");
        }
    }
}
