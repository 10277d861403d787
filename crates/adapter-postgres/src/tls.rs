use rustls::Error;
use tls_trust::{Trust, TrustError, client_config};
use tokio_postgres::config::SslNegotiation;
use tokio_postgres_rustls::MakeRustlsConnect;

/// The protocol name that the client must announce (ALPN) with `sslnegotiation=direct`, where the connection begins
/// with TLS.
const PROTOCOL: &[u8] = b"postgresql";

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("sslrootcert must name a file of certificates (PEM): {0}")]
    File(String),
    #[error(
        "this machine trusts no certificates (install the package ca-certificates, or name a file in sslrootcert)"
    )]
    NoRoots,
    #[error("TLS cannot be set up")]
    Setup(#[from] Error),
}

impl From<TrustError> for TlsError {
    fn from(error: TrustError) -> Self {
        match error {
            TrustError::File(reason) => Self::File(reason),
            TrustError::NoRoots => Self::NoRoots,
            TrustError::Setup(error) => Self::Setup(error),
        }
    }
}

/// Creates the TLS connector for connections to PostgreSQL.
pub(crate) fn connector(trust: &Trust, negotiation: SslNegotiation) -> Result<MakeRustlsConnect, TlsError> {
    let mut config = client_config(trust)?;
    if negotiation == SslNegotiation::Direct {
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
    }
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tls_trust::Authorities;

    use super::*;

    #[test]
    fn a_missing_or_empty_file_of_certificates_is_refused() {
        for path in ["/does/not/exist.pem", "/dev/null"] {
            let trust = Trust::SignedForName(Authorities::OfFile(PathBuf::from(path)));
            let error = connector(&trust, SslNegotiation::Postgres).err().unwrap();
            assert!(error.to_string().starts_with("sslrootcert must name a file of certificates"), "{error}");
        }
    }
}
