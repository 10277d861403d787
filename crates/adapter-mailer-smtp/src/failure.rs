use std::error::Error as _;

use lettre::transport::smtp::Error;

/// Why a mail could not be handed over, for operators: no address, no text, no password, and nothing of what the server
/// wrote beside its code, since servers quote addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmtpError {
    /// No connection: no such host, nobody listens, no valid certificate.
    #[error("no connection to the mail server: {0}")]
    Unreachable(String),
    /// `?tls=required`, and the server offers no STARTTLS.
    #[error("the mail server offers no STARTTLS, which SMTP_URL requires")]
    NoStartTls,
    /// The server refused the connection, with its reply code.
    #[error("the mail server refused the connection with {0}")]
    ConnectionRefused(u16),
    /// The server refused user and password, with its reply code.
    #[error("the mail server refused the login with {0}")]
    LoginRefused(u16),
    /// The server knows no way to log in that this mailer knows (PLAIN, LOGIN).
    #[error("the mail server takes no password, or none on this connection")]
    NoLogin,
    /// The server refused the mail, with its reply code: 4xx for now, 5xx for good.
    #[error("the mail server refused the mail with {0}")]
    MailRefused(u16),
    /// The address has letters beyond ASCII, which this server cannot deliver to (RFC 6531).
    #[error("the mail server cannot deliver to an address of this kind")]
    AddressNotSupported,
    /// No mail can be made of this, so no try will do better.
    #[error("no mail can be made of this message")]
    Unsendable,
    /// The server took too long.
    #[error("the mail server took too long")]
    TimedOut,
    /// The connection broke, or the server does not speak SMTP.
    #[error("the mail server broke off or answered out of turn")]
    Broken,
}

impl SmtpError {
    pub(crate) fn while_connecting(error: &Error) -> Self {
        match (code(error), error.source()) {
            (Some(code), _) => Self::ConnectionRefused(code),
            _ if error.is_response() || error.is_client() => Self::Broken,
            // From the operating system or the TLS library: they quote nothing but the server's name.
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
            // The library refuses by itself only addresses that need SMTPUTF8.
            None if error.is_client() => Self::AddressNotSupported,
            None => Self::Broken,
        }
    }
}

fn code(error: &Error) -> Option<u16> {
    error.status().map(u16::from)
}
