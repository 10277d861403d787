use std::{path::PathBuf, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{
        WebPkiSupportedAlgorithms, ring::default_provider, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use rustls_native_certs::{load_certs_from_paths, load_native_certs};
use tokio_postgres::config::SslNegotiation;
use tokio_postgres_rustls::MakeRustlsConnect;

/// How a client that speaks TLS from its first byte says what it wants to talk about.
const PROTOCOL: &[u8] = b"postgresql";

/// Who may say that he is the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Whoever answers: nobody listens, but somebody in the middle may.
    Anybody,
    /// Who has a certificate of these.
    Signed(Authorities),
    /// Who has a certificate of these for the name that he is reached by.
    SignedForName(Authorities),
}

/// Whose signature counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Authorities {
    OfThisMachine,
    OfFile(PathBuf),
}

/// Nothing can be encrypted like that.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("sslrootcert must name a file of certificates (PEM): {0}")]
    File(String),
    #[error(
        "this machine trusts no certificates (install the package ca-certificates, or name a file in sslrootcert)"
    )]
    NoRoots,
    #[error("connections cannot be encrypted")]
    Setup(#[from] Error),
}

/// What encrypts connections.
pub(crate) fn connector(trust: &Trust, negotiation: SslNegotiation) -> Result<MakeRustlsConnect, TlsError> {
    let provider = default_provider();
    let verifier = Verifier::new(trust, provider.signature_verification_algorithms)?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    if negotiation == SslNegotiation::Direct {
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
    }
    Ok(MakeRustlsConnect::new(config))
}

/// Looks at the server's certificate as far as it is told to.
#[derive(Debug)]
struct Verifier {
    /// `None` when anybody will do.
    authorities: Option<Vec<CertificateDer<'static>>>,
    roots: RootCertStore,
    checks_name: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn new(trust: &Trust, algorithms: WebPkiSupportedAlgorithms) -> Result<Self, TlsError> {
        let (authorities, checks_name) = match trust {
            Trust::Anybody => (None, false),
            Trust::Signed(authorities) => (Some(authorities.load()?), false),
            Trust::SignedForName(authorities) => (Some(authorities.load()?), true),
        };
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(authorities.iter().flatten().cloned());
        Ok(Self { authorities, roots, checks_name, algorithms })
    }
}

impl Authorities {
    fn load(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        match self {
            Self::OfThisMachine => {
                let found = load_native_certs().certs;
                if found.is_empty() { Err(TlsError::NoRoots) } else { Ok(found) }
            }
            Self::OfFile(path) => {
                let found = load_certs_from_paths(Some(path), None);
                match found.errors.first() {
                    Some(error) => Err(TlsError::File(error.to_string())),
                    None if found.certs.is_empty() => Err(TlsError::File("it holds none".to_owned())),
                    None => Ok(found.certs),
                }
            }
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(authorities) = &self.authorities else { return Ok(ServerCertVerified::assertion()) };
        let certificate = ParsedCertificate::try_from(end_entity)?;
        match verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.roots,
            intermediates,
            now,
            self.algorithms.all,
        ) {
            // One that signed itself as an authority, as `openssl req -x509` makes them for servers. That it has not run
            // out was found before this.
            Err(Error::InvalidCertificate(CertificateError::Other(_)))
                if authorities.contains(end_entity) => {}
            answer => answer?,
        }
        if self.checks_name {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, time::Duration};

    use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
    use tempfile::NamedTempFile;

    use super::*;

    const NAME: &str = "db.example";
    /// The year of the tests' certificates is 2030: rcgen's own last from 1975 to 4096.
    const IN_2030: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_900_000_000));
    const IN_5000: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(95_600_000_000));

    fn authority() -> (Certificate, Issuer<'static, KeyPair>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([NAME.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        (certificate, Issuer::new(params, key))
    }

    fn signed_by(issuer: &Issuer<'static, KeyPair>) -> Certificate {
        let params = CertificateParams::new([NAME.to_owned()]).unwrap();
        params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap()
    }

    fn trusting(authority: &Certificate, trust: fn(Authorities) -> Trust) -> Verifier {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(authority.pem().as_bytes()).unwrap();
        let trust = trust(Authorities::OfFile(file.path().to_owned()));
        Verifier::new(&trust, default_provider().signature_verification_algorithms).unwrap()
    }

    fn takes(verifier: &Verifier, certificate: &Certificate, name: &'static str, now: UnixTime) -> bool {
        let name = ServerName::try_from(name).unwrap();
        verifier.verify_server_cert(certificate.der(), &[], &name, &[], now).is_ok()
    }

    #[test]
    fn a_certificate_is_taken_when_it_is_signed_not_run_out_and_for_the_name() {
        let (root, issuer) = authority();
        let server = signed_by(&issuer);
        let strict = trusting(&root, Trust::SignedForName);
        assert!(takes(&strict, &server, NAME, IN_2030));
        assert!(!takes(&strict, &server, NAME, IN_5000));
        assert!(!takes(&strict, &server, "other.example", IN_2030));
        assert!(!takes(&strict, &signed_by(&authority().1), NAME, IN_2030));
        let lenient = trusting(&root, Trust::Signed);
        assert!(takes(&lenient, &server, "other.example", IN_2030));
        assert!(!takes(&lenient, &server, NAME, IN_5000));
        assert!(!takes(&lenient, &signed_by(&authority().1), NAME, IN_2030));
    }

    #[test]
    fn a_certificate_that_is_its_own_authority_is_taken_by_who_names_it() {
        let (own, _) = authority();
        let strict = trusting(&own, Trust::SignedForName);
        assert!(takes(&strict, &own, NAME, IN_2030));
        assert!(!takes(&strict, &own, NAME, IN_5000));
        assert!(!takes(&strict, &own, "other.example", IN_2030));
        assert!(!takes(&strict, &authority().0, NAME, IN_2030));
    }

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        for path in ["/does/not/exist.pem", "/dev/null"] {
            let trust = Trust::SignedForName(Authorities::OfFile(PathBuf::from(path)));
            let error = connector(&trust, SslNegotiation::Postgres).err().unwrap();
            assert!(error.to_string().starts_with("sslrootcert must name a file of certificates"), "{error}");
        }
    }
}
