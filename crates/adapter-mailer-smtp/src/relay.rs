use std::{fmt, fs};

use lettre::transport::smtp::{
    authentication::Credentials,
    client::{Certificate, Tls, TlsParameters, TlsParametersBuilder},
};
use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// RFC 6409: where users hand in mail.
const SUBMISSION_PORT: u16 = 587;

/// RFC 8314: the same with TLS from the start.
const SUBMISSIONS_PORT: u16 = 465;

/// What is wrong with `SMTP_URL` or `MAIL_FROM`. Quotes neither, since one has a password in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmtpConfigError {
    /// `SMTP_URL` is no address of a mail server.
    #[error(
        "SMTP_URL must be like smtp://user:password@host:587 or smtps://user:password@host, user and password \
         percent-encoded"
    )]
    Url,
    /// `SMTP_URL` has a user without a password, a password without a user, or bytes in them that are no text.
    #[error("SMTP_URL needs both user and password, percent-encoded UTF-8, or neither")]
    Credentials,
    /// `SMTP_URL` has a parameter that does not exist, or one twice.
    #[error("SMTP_URL takes the parameters tls and ca, each once")]
    Parameter,
    /// `tls` in `SMTP_URL` has a value that does not exist, or one that contradicts `smtps` or `ca`.
    #[error("tls in SMTP_URL must be required, opportunistic or none; with smtps it can only be required")]
    Tls,
    /// The file that `ca` in `SMTP_URL` names cannot be read, or holds no certificates.
    #[error("ca in SMTP_URL must name a file of certificates (PEM): {0}")]
    Authorities(String),
    /// The TLS library cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    TlsSetup(String),
    /// `MAIL_FROM` is no address.
    #[error("MAIL_FROM must be like no-reply@example.com or Cinema <no-reply@example.com>")]
    From,
}

/// The mail server, and how to talk to it.
pub(crate) struct Relay {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Tls,
    pub(crate) credentials: Option<Credentials>,
}

impl fmt::Debug for Relay {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .field("logs_in", &self.credentials.is_some())
            .finish()
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
        let host = host(&url)?;
        let default_port = if is_implicit { SUBMISSIONS_PORT } else { SUBMISSION_PORT };
        Ok(Self {
            port: url.port().unwrap_or(default_port),
            tls: Parameters::of(&url)?.tls(is_implicit, &host)?,
            credentials: credentials(&url)?,
            host,
        })
    }
}

fn host(url: &Url) -> Result<String, SmtpConfigError> {
    match url.host() {
        // The URL standard leaves hosts of unknown schemes as they are: this puts names into ASCII.
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
        // NUL parts user and password in AUTH PLAIN (RFC 4616).
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

/// What stands after the `?`.
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

    fn tls(self, is_implicit: bool, host: &str) -> Result<Tls, SmtpConfigError> {
        Ok(match (is_implicit, self.tls.as_deref()) {
            (true, None | Some("required")) => Tls::Wrapper(self.parameters(host)?),
            (false, Some("required")) => Tls::Required(self.parameters(host)?),
            (false, None | Some("opportunistic")) => Tls::Opportunistic(self.parameters(host)?),
            (false, Some("none")) if self.ca.is_none() => Tls::None,
            _ => return Err(SmtpConfigError::Tls),
        })
    }

    fn parameters(&self, host: &str) -> Result<TlsParameters, SmtpConfigError> {
        let mut builder = TlsParametersBuilder::new(host.to_owned());
        if let Some(path) = &self.ca {
            let pem =
                fs::read(path).map_err(|error| SmtpConfigError::Authorities(error.kind().to_string()))?;
            builder = builder.add_root_certificate(authorities(&pem)?);
        }
        builder.build().map_err(|error| SmtpConfigError::TlsSetup(error.to_string()))
    }
}

fn authorities(pem: &[u8]) -> Result<Certificate, SmtpConfigError> {
    let unusable = || SmtpConfigError::Authorities("it holds no certificate".to_owned());
    // The library takes a file without any for an empty list.
    if !String::from_utf8_lossy(pem).contains("-----BEGIN CERTIFICATE-----") {
        return Err(unusable());
    }
    Certificate::from_pem(pem).map_err(|_| unusable())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        format!("{:?}", Relay::parse(url).unwrap())
    }

    #[test]
    fn a_url_says_server_port_and_security() {
        for (url, host, port, tls) in [
            ("smtp://mail.example", "mail.example", 587, "Opportunistic"),
            ("smtp://user:pass@mail:1025", "mail", 1025, "Opportunistic"),
            ("smtp://Mail.Example/?tls=required", "mail.example", 587, "Required"),
            ("smtp://127.0.0.1:25?tls=none", "127.0.0.1", 25, "None"),
            ("smtps://m%C3%BCller.example", "xn--mller-kva.example", 465, "Wrapper"),
            (" smtps://[::1]:4650?tls=required\n", "::1", 4650, "Wrapper"),
        ] {
            let relay = Relay::parse(url).unwrap();
            assert_eq!((&*relay.host, relay.port), (host, port), "{url}");
            assert_eq!(format!("{:?}", relay.tls), tls, "{url}");
        }
    }

    #[test]
    fn user_and_password_are_decoded_and_never_shown() {
        let relay = Relay::parse("smtp://ann%40example.com:p%3A%2F%23%20%C3%BC@mail").unwrap();
        let expected = Credentials::new("ann@example.com".to_owned(), "p:/# ü".to_owned());
        assert!(relay.credentials == Some(expected));
        let shown = shown("smtp://canary-user:canary-pass@mail");
        assert!(!shown.contains("canary") && shown.contains("logs_in: true"), "{shown}");
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_quoting_it() {
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
            ("smtps://u:canary@mail?ca=/does/not/exist", E::Authorities("entity not found".to_owned())),
            ("smtps://u:canary@mail?ca=/dev/null", E::Authorities("it holds no certificate".to_owned())),
        ] {
            let error = Relay::parse(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("canary"), "{url}: {error}");
            assert_eq!(error, expected, "{url}");
        }
    }
}
