use std::{fmt, path::PathBuf, sync::Arc};

use lettre::transport::smtp::authentication::Credentials;
use percent_encoding::percent_decode_str;
use tls_trust::{Authorities, Trust, TrustError, client_config};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};
use url::{Host, Url};

use crate::failure::SmtpError;

/// The default port of `smtp` URLs: mail submission (RFC 6409).
const SUBMISSION_PORT: u16 = 587;

/// The default port of `smtps` URLs: mail submission with TLS from the start (RFC 8314).
const SUBMISSIONS_PORT: u16 = 465;

/// Why `SMTP_URL` or `MAIL_FROM` is invalid. The messages quote neither user nor password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmtpConfigError {
    /// `SMTP_URL` is not the URL of a mail server.
    #[error(
        "SMTP_URL must be like smtp://user:password@host:587 or smtps://user:password@host, user and password \
         percent-encoded"
    )]
    Url,
    /// `SMTP_URL` has a user without a password, a password without a user, or a user or password that is not UTF-8 or
    /// contains NUL.
    #[error("SMTP_URL needs both user and password, percent-encoded UTF-8, or neither")]
    Credentials,
    /// `SMTP_URL` has an unknown parameter, or has a parameter twice.
    #[error("SMTP_URL takes the parameters tls and ca, each at most once")]
    Parameter,
    /// `tls` in `SMTP_URL` has an unknown value, or one that contradicts `smtps` or `ca`.
    #[error(
        "tls in SMTP_URL must be required, opportunistic or none; with smtps it can only be required, and with ca it \
         cannot be none"
    )]
    Tls,
    /// The file that `ca` in `SMTP_URL` names cannot be read, or contains no certificates.
    #[error("ca in SMTP_URL must name a file of certificates (PEM): {0}")]
    Authorities(String),
    /// Either TLS is required but this machine has no trusted root certificates, or the TLS library cannot be set up.
    #[error("SMTP_URL requires TLS: {0}")]
    TlsSetup(String),
    /// `MAIL_FROM` is not an address.
    #[error("MAIL_FROM must be like no-reply@example.com or Cinema <no-reply@example.com>")]
    From,
}

/// Whether and how connections use TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Security {
    /// Without TLS.
    None,
    /// With STARTTLS if the server offers it, otherwise without TLS.
    Opportunistic,
    /// With STARTTLS. A server that does not offer it gets no mail.
    Required,
    /// With TLS from the first byte (`smtps`).
    Implicit,
}

/// The mail server, and how to connect to it.
pub(crate) struct Relay {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) credentials: Option<Credentials>,
    /// The TLS connector; `None` when TLS is not used, or when it is opportunistic and this machine has no trusted
    /// root certificates.
    tls: Option<TlsConnector>,
}

impl fmt::Debug for Relay {
    /// Hides user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .field("logs_in", &self.credentials.is_some())
            .finish_non_exhaustive()
    }
}

impl Relay {
    pub(crate) fn parse(text: &str) -> Result<Self, SmtpConfigError> {
        let url = Url::parse(text.trim()).map_err(|_| SmtpConfigError::Url)?;
        let is_implicit = match url.scheme() {
            "smtp" => false,
            "smtps" => true,
            _ => return Err(SmtpConfigError::Url),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(SmtpConfigError::Url);
        }
        let default_port = if is_implicit { SUBMISSIONS_PORT } else { SUBMISSION_PORT };
        let parameters = Parameters::of(&url)?;
        let security = parameters.security(is_implicit)?;
        let tls = parameters.connector(security)?;
        Ok(Self {
            host: host(&url)?,
            port: url.port().unwrap_or(default_port),
            security,
            credentials: credentials(&url)?,
            tls,
        })
    }

    /// The TLS connector. Fails when this machine has no trusted root certificates.
    pub(crate) fn tls(&self) -> Result<&TlsConnector, SmtpError> {
        self.tls.as_ref().ok_or(SmtpError::NothingTrusted)
    }

    /// The host name for which the server's certificate must be valid.
    pub(crate) fn server_name(&self) -> Result<ServerName<'static>, SmtpError> {
        let name = ServerName::try_from(self.host.clone());
        name.map_err(|error| SmtpError::Unreachable(error.to_string()))
    }
}

fn host(url: &Url) -> Result<String, SmtpConfigError> {
    match url.host() {
        // The parser of URLs does not normalize the hosts of schemes that it does not know. Parsing the host again
        // converts the host to lower case and ASCII.
        Some(Host::Domain(name)) => {
            Host::parse(name).map(|host| host.to_string()).map_err(|_| SmtpConfigError::Url)
        }
        Some(Host::Ipv4(address)) => Ok(address.to_string()),
        Some(Host::Ipv6(address)) => Ok(address.to_string()),
        None => Err(SmtpConfigError::Url),
    }
}

fn credentials(url: &Url) -> Result<Option<Credentials>, SmtpConfigError> {
    let decode = |text| {
        let decoded = percent_decode_str(text).decode_utf8().map_err(|_| SmtpConfigError::Credentials)?;
        // NUL must not occur, because it separates user and password in AUTH PLAIN (RFC 4616).
        if decoded.is_empty() || decoded.contains('\0') {
            return Err(SmtpConfigError::Credentials);
        }
        Ok(decoded.into_owned())
    };
    match (url.username(), url.password()) {
        ("", None) => Ok(None),
        (user, Some(password)) => Ok(Some(Credentials::new(decode(user)?, decode(password)?))),
        (_, None) => Err(SmtpConfigError::Credentials),
    }
}

/// The query parameters of `SMTP_URL`.
#[derive(Default)]
struct Parameters {
    tls: Option<String>,
    ca: Option<String>,
}

impl Parameters {
    fn of(url: &Url) -> Result<Self, SmtpConfigError> {
        let mut parameters = Self::default();
        for (name, value) in url.query_pairs() {
            let place = match &*name {
                "tls" => &mut parameters.tls,
                "ca" => &mut parameters.ca,
                _ => return Err(SmtpConfigError::Parameter),
            };
            if place.replace(value.into_owned()).is_some() {
                return Err(SmtpConfigError::Parameter);
            }
        }
        Ok(parameters)
    }

    fn security(&self, is_implicit: bool) -> Result<Security, SmtpConfigError> {
        Ok(match (is_implicit, self.tls.as_deref()) {
            (true, None | Some("required")) => Security::Implicit,
            (false, Some("required")) => Security::Required,
            (false, None | Some("opportunistic")) => Security::Opportunistic,
            (false, Some("none")) if self.ca.is_none() => Security::None,
            _ => return Err(SmtpConfigError::Tls),
        })
    }

    fn connector(self, security: Security) -> Result<Option<TlsConnector>, SmtpConfigError> {
        if security == Security::None {
            return Ok(None);
        }
        let authorities = self.ca.map_or(Authorities::OfThisMachine, |path| {
            Authorities::OfThisMachineAndFile(PathBuf::from(path))
        });
        match client_config(&Trust::SignedForName(authorities)) {
            Ok(config) => Ok(Some(TlsConnector::from(Arc::new(config)))),
            Err(TrustError::File(reason)) => Err(SmtpConfigError::Authorities(reason)),
            // With opportunistic TLS, missing root certificates are an error only if the server offers STARTTLS. So the
            // error is reported when a mail is sent to such a server.
            Err(TrustError::NoRoots) if security == Security::Opportunistic => Ok(None),
            Err(error) => Err(SmtpConfigError::TlsSetup(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        format!("{:?}", Relay::parse(url).unwrap())
    }

    #[test]
    fn a_url_sets_host_port_and_security() {
        use Security as S;
        for (url, host, port, security) in [
            ("smtp://mail.example", "mail.example", 587, S::Opportunistic),
            ("smtp://user:pass@mail:1025", "mail", 1025, S::Opportunistic),
            ("smtp://Mail.Example/?tls=required", "mail.example", 587, S::Required),
            ("smtp://127.0.0.1:25?tls=none", "127.0.0.1", 25, S::None),
            ("smtps://m%C3%BCller.example", "xn--mller-kva.example", 465, S::Implicit),
            (" smtps://[::1]:4650?tls=required\n", "::1", 4650, S::Implicit),
        ] {
            let relay = Relay::parse(url).unwrap();
            assert_eq!((&*relay.host, relay.port, relay.security), (host, port, security), "{url}");
        }
    }

    #[test]
    fn user_and_password_are_decoded_and_hidden_in_debug_output() {
        let relay = Relay::parse("smtp://ann%40example.com:p%3A%2F%23%20%C3%BC@mail").unwrap();
        let expected = Credentials::new("ann@example.com".to_owned(), "p:/# ü".to_owned());
        assert!(relay.credentials == Some(expected));
        let shown = shown("smtp://canary-user:canary-pass@mail");
        assert!(!shown.contains("canary") && shown.contains("logs_in: true"), "{shown}");
    }

    #[test]
    fn invalid_urls_are_refused_without_quoting_them() {
        use SmtpConfigError as E;
        for (url, expected) in [
            ("", E::Url),
            ("canary", E::Url),
            ("http://canary@mail", E::Url),
            ("smtp:canary", E::Url),
            ("smtp://", E::Url),
            ("smtp://u:canary@", E::Url),
            ("smtp://u:can/ary@mail", E::Url),
            ("smtp://u:can#ary@mail", E::Url),
            ("smtp://u:canary@mail:99999", E::Url),
            ("smtp://u:canary@mail/path", E::Url),
            ("smtp://canary@mail", E::Credentials),
            ("smtp://:canary@mail", E::Credentials),
            ("smtp://canary:@mail", E::Credentials),
            ("smtp://u:canary%FF@mail", E::Credentials),
            ("smtp://u:canary%00@mail", E::Credentials),
            ("smtp://u:canary@mail?verify=no", E::Parameter),
            ("smtp://u:canary@mail?tls=none&tls=required", E::Parameter),
            ("smtp://u:canary@mail?tls=maybe", E::Tls),
            ("smtps://u:canary@mail?tls=none", E::Tls),
            ("smtp://u:canary@mail?tls=none&ca=/x.pem", E::Tls),
            ("smtps://u:canary@mail?ca=/dev/null", E::Authorities("it contains no certificate".to_owned())),
        ] {
            let error = Relay::parse(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{url}: {error}");
            assert_eq!(error, expected, "{url}");
        }
        let missing = Relay::parse("smtps://mail?ca=/does/not/exist").unwrap_err();
        assert!(missing.to_string().contains("/does/not/exist"), "{missing}");
    }
}
