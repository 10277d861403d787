use std::error::Error as _;

use domain::mail::MailError;
use lettre::transport::smtp::Error;

/// Why a mail was not handed over to the mail server.
///
/// The messages are for operators. They contain no mail address, content or password. Of the server's reply, they
/// contain only the code, because servers quote addresses in the text of the reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmtpError {
    /// No connection could be opened. For example, the host does not exist, nothing listens on the port, or the
    /// certificate is not valid.
    #[error("no connection to the mail server: {0}")]
    Unreachable(String),
    /// The server offers STARTTLS, but this machine has no trusted root certificates, so the server cannot be verified.
    #[error(
        "this machine trusts no certificates: install the package ca-certificates, or add ca=FILE or tls=none to SMTP_URL"
    )]
    NothingTrusted,
    /// `tls=required` is set, but the server does not offer STARTTLS.
    #[error("the mail server offers no STARTTLS, which SMTP_URL requires")]
    NoStartTls,
    /// The server refused the connection or STARTTLS, with its reply code.
    #[error("the mail server refused the connection with {0}")]
    ConnectionRefused(u16),
    /// The server refused the login, with its reply code.
    #[error("the mail server refused the login with {0}")]
    LoginRefused(u16),
    /// The server supports none of the login methods that this mailer supports (PLAIN, LOGIN).
    #[error("the mail server offers neither of the login methods PLAIN and LOGIN on this connection")]
    NoLogin,
    /// The server refused the mail, with its reply code: 4xx for a temporary refusal, 5xx for a permanent one. The
    /// exceptions are the codes about authentication (see [`SmtpError::is_permanent`]).
    #[error("the mail server refused the mail with {0}")]
    MailRefused(u16),
    /// The address of the recipient or the sender contains characters that are not ASCII, and the server does not
    /// support such addresses (RFC 6531).
    #[error("the mail server cannot deliver to an address of this kind")]
    AddressNotSupported,
    /// No message can be built from the mail, so every attempt would fail.
    #[error("no message (RFC 5322) can be built from this mail")]
    Unsendable,
    /// The time limit for connecting or for sending the mail has passed.
    #[error("the mail server took too long")]
    TimedOut,
    /// The connection broke, or the server sent an unexpected reply.
    #[error("the mail server closed the connection or sent an unexpected reply")]
    Broken,
}

impl SmtpError {
    pub(crate) fn while_connecting(error: &Error) -> Self {
        match (code(error), error.source()) {
            (Some(code), _) => Self::ConnectionRefused(code),
            _ if error.is_response() || error.is_client() => Self::Broken,
            // This is an error of the operating system or of the TLS library. Its message contains no mail address,
            // content or password.
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
            // The SMTP library itself refuses a mail only if an address is not ASCII, and the server lacks at least
            // one of SMTPUTF8 and 8BITMIME: such an address requires both. All other parts of a message are encoded as
            // ASCII.
            None if error.is_client() => Self::AddressNotSupported,
            None => Self::Broken,
        }
    }

    /// Whether this mail can never be delivered. Errors that an operator can fix, such as a wrong certificate or
    /// password, are not permanent, so that mails are not lost because of a wrong setting. The reply codes of RFC 4954
    /// about authentication count as such errors.
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
    fn a_refused_mail_is_permanent_and_a_wrong_setting_is_not() {
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
