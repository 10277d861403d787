use std::error::Error as _;

use tokio_postgres::config::Host;

use crate::{
    PostgresDatabase,
    address::{Address, AddressError},
    tls::connector,
};

/// Why the URL of a database is invalid. The message quotes no value from the URL, because a value may be a password.
/// The exception is the path in `sslrootcert`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// The URL has no host.
    #[error("it has no host")]
    NoHost,
    /// The host contains characters that are not allowed in hosts. A probable cause is a password that is not
    /// percent-encoded.
    #[error("its host contains invalid characters: in a password, @ is written %40, / %2F and ? %3F")]
    Host,
    /// An option has an invalid value, or a TLS option (`ssl…`) is unknown or cannot be used. Contains the message to
    /// show.
    #[error("{0}")]
    Value(String),
    /// The URL has an unknown option (other than `ssl…`), or cannot be parsed.
    #[error("it has an option that does not exist, or is not percent-encoded")]
    Form,
}

impl PostgresDatabase {
    /// Checks the URL of a database without connecting.
    ///
    /// # Errors
    /// When the URL is invalid, or the file of `sslrootcert` cannot be used.
    pub fn check_address(url: &str) -> Result<(), InvalidAddress> {
        let Address { config, trust } = Address::parse(url).map_err(|error| match error {
            AddressError::Malformed(error) => match error.source().map(ToString::to_string) {
                // Other messages of `tokio_postgres` may quote a part of the URL, but the message with this beginning
                // quotes only the name of an option.
                Some(message) if message.starts_with("invalid value for option `") => {
                    InvalidAddress::Value(message)
                }
                _ => InvalidAddress::Form,
            },
            error => InvalidAddress::Value(error.to_string()),
        })?;
        connector(&trust, config.get_ssl_negotiation())
            .map_err(|error| InvalidAddress::Value(error.to_string()))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(InvalidAddress::NoHost);
        }
        for host in config.get_hosts() {
            if let Host::Tcp(name) = host {
                let is_odd = |character: char| {
                    character.is_control() || character.is_whitespace() || "@/?#\\\"<>".contains(character)
                };
                if name.is_empty() {
                    return Err(InvalidAddress::NoHost);
                }
                if name.contains(is_odd) {
                    return Err(InvalidAddress::Host);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_address_is_refused_without_quoting_it() {
        let value = |option: &str| InvalidAddress::Value(format!("invalid value for option `{option}`"));
        for (url, expected) in [
            ("postgres://ann:canary@db:notaport/cinema", value("port")),
            ("postgres://ann:canary@db:99999/cinema", value("port")),
            ("postgres://ann:canary@[::1/cinema", value("host")),
            ("postgres://ann:canary@db/cinema?connect_timeout=canary", value("connect_timeout")),
            ("postgres://ann:can@ary@db/cinema", InvalidAddress::Host),
            ("postgres://ann:canary@/cinema", InvalidAddress::NoHost),
            ("postgres://ann:canary@:5432/cinema", InvalidAddress::NoHost),
            ("postgres:///cinema", InvalidAddress::NoHost),
            ("postgres://db/cinema?canary=1", InvalidAddress::Form),
            ("postgres://db/cinema?canary", InvalidAddress::Form),
            ("postgres://db/%FF", InvalidAddress::Form),
        ] {
            let error = PostgresDatabase::check_address(url).unwrap_err();
            assert_eq!(error, expected, "{url}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }

    #[test]
    fn invalid_tls_options_are_reported() {
        for (parameters, says) in [
            ("sslmode=canary", "sslmode must be disable"),
            ("sslmode=verify-full&sslrootcert=/nowhere/at/all", "sslrootcert must name a file"),
        ] {
            let url = format!("postgres://ann:canary@db/cinema?{parameters}");
            let error = PostgresDatabase::check_address(&url).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn every_form_of_address_is_accepted() {
        for url in [
            "postgres://db/cinema",
            "postgresql://ann:p%40ss%3Fw%2Frd@db.example.com:5433/cinema?sslmode=prefer",
            "postgres://ann:se?cret@db/cinema",
            "postgres://[::1]:5432,second:5433/cinema",
            "postgres:///cinema?host=/var/run/postgresql",
            "postgres://db/cinema?sslmode=require",
            "postgres://%2Fvar%2Frun%2Fpostgresql/cinema",
            "postgres://ann@127.0.0.1/cinema?options=-c%20statement_timeout%3D9000",
        ] {
            assert_eq!(PostgresDatabase::check_address(url), Ok(()), "{url}");
        }
    }
}
