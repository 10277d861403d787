use std::{path::PathBuf, str::FromStr, time::Duration};

use percent_encoding::percent_decode_str;
use tls_trust::{Authorities, Trust};
use tokio_postgres::config::{Config, Host, SslMode};

/// The time limit for opening a TCP connection to one address of the server.
const CONNECT: Duration = Duration::from_secs(2);

/// How long sent data may stay unacknowledged before the operating system closes the TCP connection
/// (`tcp_user_timeout`).
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// How long a connection must be idle before the operating system sends the first TCP keepalive probe.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);

/// The time between two keepalive probes.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(3);

/// The number of unanswered keepalive probes after which the connection is closed.
const KEEPALIVE_RETRIES: u32 = 3;

/// Why the URL of a database is invalid. The messages quote no values, because a value can be a password. But the
/// source of a [`tokio_postgres::Error`] may quote a part of the URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddressError {
    #[error(transparent)]
    Malformed(#[from] tokio_postgres::Error),
    #[error("sslmode must be disable, prefer, require, verify-ca or verify-full")]
    Mode,
    #[error("{0} is not supported; the TLS options are sslmode, sslrootcert and sslnegotiation")]
    Unknown(String),
    #[error("sslrootcert requires sslmode=verify-full, verify-ca or require")]
    NothingToCheck,
    #[error(
        "sslmode=verify-ca requires sslrootcert=FILE; verify-full can also use the authorities that this machine trusts"
    )]
    NoAuthorities,
    #[error(
        "sslrootcert=system requires sslmode=verify-full, because the authorities that this machine trusts sign for any host"
    )]
    AnybodysAuthorities,
    #[error("target_session_attrs must be any, read-write or primary, since this program writes")]
    Session,
}

/// The connection parameters of a database, and how its server is verified.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) config: Config,
    pub(crate) trust: Trust,
}

impl Address {
    /// Parses the URL of a database (see [`security`] for the TLS options), and sets this program's defaults for
    /// options that the URL omits.
    pub(crate) fn parse(url: &str) -> Result<Self, AddressError> {
        // SQLAlchemy, a Python library, uses the scheme `postgresql+psycopg`, which `tokio_postgres` does not know.
        let url = url.replacen("postgresql+psycopg://", "postgresql://", 1);
        let Parameters { rest, mode, authorities, names } = Parameters::of(&url)?;
        let mut config = Config::from_str(&rest)?;
        let (mode, trust) = security(mode.as_deref(), authorities)?;
        let is_local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        // PostgreSQL never uses TLS on a Unix socket, so `sslmode` has no effect there.
        let is_open = is_local && config.get_hostaddrs().is_empty();
        config.ssl_mode(if is_open { SslMode::Disable } else { mode });
        if config.get_hosts().is_empty() {
            // A certificate is checked against a host. If only `hostaddr` is given, the IP address is the host.
            for address in config.get_hostaddrs().to_vec() {
                config.host(address.to_string());
            }
        }
        if config.get_application_name().is_none() {
            config.application_name("cinema");
        }
        let is_open = |name: &str| !names.iter().any(|named| named == name);
        if is_open("connect_timeout") {
            config.connect_timeout(CONNECT);
        }
        if is_open("tcp_user_timeout") {
            config.tcp_user_timeout(UNACKNOWLEDGED);
        }
        if is_open("keepalives_idle") {
            config.keepalives_idle(KEEPALIVE_IDLE);
        }
        if is_open("keepalives_interval") {
            config.keepalives_interval(KEEPALIVE_INTERVAL);
        }
        if is_open("keepalives_retries") {
            config.keepalives_retries(KEEPALIVE_RETRIES);
        }
        Ok(Self { config, trust })
    }
}

/// The query parameters of a URL. `tokio_postgres` parses the URL. Parameters whose values it does not fully
/// support are interpreted here, and are removed from the URL or replaced.
struct Parameters {
    /// The URL for `tokio_postgres`, in which these parameters are removed or replaced.
    rest: String,
    mode: Option<String>,
    authorities: Option<String>,
    /// The names of the parameters in `rest`, without the parameters for TLS and `target_session_attrs`.
    names: Vec<String>,
}

impl Parameters {
    fn of(url: &str) -> Result<Self, AddressError> {
        let (before, parameters) = url_parts(url);
        let (mut mode, mut authorities, mut names, mut left) = (None, None, Vec::new(), Vec::new());
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match name {
                "sslmode" => mode = Some(decoded(value)),
                "sslrootcert" => authorities = Some(decoded(value)),
                "sslnegotiation" => left.push(parameter),
                name if name.starts_with("ssl") => return Err(AddressError::Unknown(name.to_owned())),
                "target_session_attrs" => match &*decoded(value) {
                    "any" => {}
                    // `tokio_postgres` does not support `primary`. `read-write` also excludes a primary that is set to
                    // read-only, which this program could not use.
                    "read-write" | "primary" => left.push("target_session_attrs=read-write"),
                    _ => return Err(AddressError::Session),
                },
                name => {
                    names.push(name.to_owned());
                    left.push(parameter);
                }
            }
        }
        let rest = if left.is_empty() { before } else { format!("{before}?{}", left.join("&")) };
        Ok(Self { rest, mode, authorities, names })
    }
}

/// Splits a URL into the part before the query parameters, and the query parameters.
///
/// This function follows psql: the user and password end at the first `@`, but only if no `/` comes before it. For
/// `tokio_postgres`, they end at the first `@` anywhere. Therefore, this function percent-encodes each `@` that does
/// not end the user and password. Then `tokio_postgres` finds the same user and password as psql.
fn url_parts(url: &str) -> (String, String) {
    let start = url.find("://").map_or(0, |at| at.saturating_add(3));
    let (scheme, rest) = url.split_at_checked(start).unwrap_or((url, ""));
    let end = rest.find(['@', '/']).filter(|end| rest.get(*end..).is_some_and(|rest| rest.starts_with('@')));
    let end = end.map_or(0, |end| end.saturating_add(1));
    let (user, place) = rest.split_at_checked(end).unwrap_or(("", rest));
    let encoded = place.replace('@', "%40");
    let (place, parameters) = encoded.split_once('?').unwrap_or((&encoded, ""));
    (format!("{scheme}{user}{place}"), parameters.to_owned())
}

fn decoded(value: &str) -> String {
    percent_decode_str(value).decode_utf8_lossy().into_owned()
}

/// Interprets `sslmode` and `sslrootcert` as libpq does, with two exceptions. First, `sslmode=allow`, `verify-ca`
/// without `sslrootcert`, and an `sslrootcert` that would not be used are refused. Second, no certificates are read
/// from the home directory: without `sslrootcert`, `verify-full` trusts the authorities of this machine, and
/// `require` does not verify the server.
fn security(mode: Option<&str>, authorities: Option<String>) -> Result<(SslMode, Trust), AddressError> {
    let authorities = authorities.map(|name| match &*name {
        "system" => Authorities::OfThisMachine,
        _ => Authorities::OfFile(PathBuf::from(name)),
    });
    Ok(match (mode, authorities) {
        (None | Some("disable" | "prefer"), Some(_)) => return Err(AddressError::NothingToCheck),
        (Some("disable"), None) => (SslMode::Disable, Trust::Anybody),
        (None | Some("prefer"), None) => (SslMode::Prefer, Trust::Anybody),
        (Some("require"), None) => (SslMode::Require, Trust::Anybody),
        (Some("verify-ca"), None) => return Err(AddressError::NoAuthorities),
        (Some("require" | "verify-ca"), Some(Authorities::OfThisMachine)) => {
            return Err(AddressError::AnybodysAuthorities);
        }
        (Some("require" | "verify-ca"), Some(authorities)) => (SslMode::Require, Trust::Signed(authorities)),
        (Some("verify-full"), authorities) => {
            (SslMode::Require, Trust::SignedForName(authorities.unwrap_or(Authorities::OfThisMachine)))
        }
        _ => return Err(AddressError::Mode),
    })
}

#[cfg(test)]
mod tests {
    use tokio_postgres::config::TargetSessionAttrs;

    use super::*;

    fn config(url: &str) -> Config {
        Address::parse(url).unwrap().config
    }

    #[test]
    fn every_scheme_is_parsed() {
        for scheme in ["postgres", "postgresql", "postgresql+psycopg"] {
            let config = config(&format!("{scheme}://ann:secret@db.example.com:5433/cinema"));
            assert_eq!(config.get_dbname(), Some("cinema"));
            assert_eq!(config.get_ports(), [5433]);
        }
        assert!(Address::parse("mysql://localhost/cinema").is_err());
    }

    #[test]
    fn a_password_may_have_question_marks() {
        let config = config("postgres://ann:sslmode?&sslkey=x@db/cinema?sslmode=disable");
        assert_eq!(config.get_password(), Some(&b"sslmode?&sslkey=x"[..]));
        assert_eq!(config.get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn an_at_sign_after_the_host_does_not_end_the_user_and_password() {
        let config = config("postgres://h/c?user=ann@corp&password=hun@ter2");
        assert_eq!((config.get_user(), config.get_dbname()), (Some("ann@corp"), Some("c")));
        assert_eq!(config.get_password(), Some(&b"hun@ter2"[..]));
        assert_eq!(config.get_hosts(), [Host::Tcp("h".to_owned())]);
        let config = self::config("postgres://ann:secret@h/c@d?application_name=a@b");
        assert_eq!((config.get_user(), config.get_dbname()), (Some("ann"), Some("c@d")));
        assert_eq!(config.get_application_name(), Some("a@b"));
    }

    #[test]
    fn target_session_attrs_is_accepted_if_it_permits_writing() {
        let wanted = |value: &str| {
            let address = Address::parse(&format!("postgres://one,two/c?target_session_attrs={value}"));
            address.map(|address| address.config.get_target_session_attrs())
        };
        assert_eq!(wanted("any").unwrap(), TargetSessionAttrs::Any);
        for value in ["read-write", "primary"] {
            assert_eq!(wanted(value).unwrap(), TargetSessionAttrs::ReadWrite, "{value}");
        }
        for value in ["read-only", "standby", "prefer-standby", "canary"] {
            let refused = wanted(value).unwrap_err().to_string();
            assert!(refused.starts_with("target_session_attrs must be"), "{refused}");
            assert!(!refused.contains("canary"), "{refused}");
        }
    }

    #[test]
    fn the_default_timeouts_detect_a_disconnected_peer_within_30_seconds() {
        let config = config("postgres://db/cinema");
        assert_eq!(config.get_tcp_user_timeout(), Some(&Duration::from_secs(10)));
        let (interval, retries) =
            (config.get_keepalives_interval().unwrap(), config.get_keepalives_retries());
        assert!(config.get_keepalives_idle() + interval * retries.unwrap() < Duration::from_secs(30));
    }

    #[test]
    fn options_in_the_url_take_precedence_over_the_defaults() {
        let config = config(
            "postgres://db/cinema?application_name=mine&connect_timeout=60&tcp_user_timeout=61&keepalives_idle=7200\
             &keepalives_interval=63&keepalives_retries=64",
        );
        assert_eq!(config.get_application_name(), Some("mine"));
        let timeouts = [config.get_connect_timeout(), config.get_tcp_user_timeout()];
        assert_eq!(timeouts.map(|timeout| timeout.unwrap().as_secs()), [60, 61]);
        assert_eq!(config.get_keepalives_idle().as_secs(), 7200);
        assert_eq!(config.get_keepalives_interval(), Some(Duration::from_secs(63)));
        assert_eq!(config.get_keepalives_retries(), Some(64));
    }

    #[test]
    fn tls_options_have_the_meaning_of_libpq() {
        let file = || Authorities::OfFile(PathBuf::from("/etc/ca s.pem"));
        for (parameters, mode, trust) in [
            ("", SslMode::Prefer, Trust::Anybody),
            ("?sslmode=disable", SslMode::Disable, Trust::Anybody),
            ("?sslmode=prefer", SslMode::Prefer, Trust::Anybody),
            ("?connect_timeout=1&sslmode=require", SslMode::Require, Trust::Anybody),
            ("?sslrootcert=/etc/ca%20s.pem&sslmode=require", SslMode::Require, Trust::Signed(file())),
            ("?sslmode=verify-ca&sslrootcert=/etc/ca%20s.pem", SslMode::Require, Trust::Signed(file())),
            ("?sslmode=verify-full", SslMode::Require, Trust::SignedForName(Authorities::OfThisMachine)),
            (
                "?sslmode=verify-full&sslrootcert=system",
                SslMode::Require,
                Trust::SignedForName(Authorities::OfThisMachine),
            ),
            (
                "?sslmode=verify-full&sslrootcert=/etc/ca%20s.pem",
                SslMode::Require,
                Trust::SignedForName(file()),
            ),
        ] {
            let address = Address::parse(&format!("postgres://ann:secret@db/cinema{parameters}")).unwrap();
            assert_eq!((address.config.get_ssl_mode(), &address.trust), (mode, &trust), "{parameters}");
        }
    }

    #[test]
    fn tls_options_that_would_verify_less_than_expected_are_refused() {
        for (parameters, help) in [
            ("sslmode=allow", "must be disable, prefer, require, verify-ca or verify-full"),
            ("sslmode=verify-ful", "must be disable, prefer, require, verify-ca or verify-full"),
            ("sslmode=verify-ca", "requires sslrootcert=FILE"),
            ("sslmode=require&sslrootcert=system", "requires sslmode=verify-full"),
            ("sslmode=prefer&sslrootcert=/ca.pem", "requires sslmode=verify-full"),
            ("sslrootcert=/ca.pem", "requires sslmode=verify-full"),
            ("sslmode=require&sslcert=/me.pem", "sslcert is not supported"),
            ("sslmode=require&sslcrl=/crl.pem", "sslcrl is not supported"),
        ] {
            let error = Address::parse(&format!("postgres://ann:canary@db/cinema?{parameters}")).unwrap_err();
            assert!(error.to_string().contains(help), "{parameters}: {error}");
            assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn unix_sockets_are_not_encrypted_and_a_hostaddr_without_host_is_the_host() {
        let local = config("postgres://ann@%2Fvar%2Frun%2Fpostgresql/cinema?sslmode=require");
        assert_eq!(local.get_ssl_mode(), SslMode::Disable);
        let numbered = config("postgres:///cinema?hostaddr=127.0.0.1&sslmode=require");
        assert_eq!(numbered.get_ssl_mode(), SslMode::Require);
        assert_eq!(numbered.get_hosts(), [Host::Tcp("127.0.0.1".to_owned())]);
    }
}
