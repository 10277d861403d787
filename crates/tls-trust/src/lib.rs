//! Decides which server certificates a TLS client accepts. The verification differs from the verification of rustls in
//! three points, in which it follows PostgreSQL's clients (libpq). First, the verification can be switched off. Second,
//! the host name can be left unchecked. Third, a certificate that is configured as an authority may also be the
//! server's own certificate, such as a certificate that `openssl req -x509` made.

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
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
};
use rustls_native_certs::load_native_certs;

/// How a server's certificate is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The certificate is not verified. The connection is encrypted, but a man in the middle can read and change
    /// everything.
    Anybody,
    /// The certificate must be issued by one of these authorities or be the certificate of one of them.
    Signed(Authorities),
    /// The certificate must be issued by one of these authorities or be the certificate of one of them, and must be
    /// valid for the host name of the connection.
    SignedForName(Authorities),
}

/// The certificate authorities that are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authorities {
    /// The authorities that the operating system trusts.
    OfThisMachine,
    /// The authorities in this file (PEM).
    OfFile(PathBuf),
    /// The authorities in this file (PEM), and the authorities that the operating system trusts, if there are any.
    OfThisMachineAndFile(PathBuf),
}

/// Why a client configuration cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file cannot be read, contains no certificate, or contains a malformed certificate.
    #[error("{0}")]
    File(String),
    /// No authority that the operating system trusts was found.
    #[error("this machine trusts no certificates: install the package ca-certificates, or name a file")]
    NoRoots,
    /// The library rustls refuses the configuration.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] Error),
}

/// Creates the configuration of a TLS client that verifies certificates as `trust` says. The client uses TLS 1.2 or
/// 1.3, and has no certificate of its own.
///
/// # Errors
/// When the authorities cannot be loaded, or rustls refuses the configuration.
pub fn client_config(trust: &Trust) -> Result<ClientConfig, TrustError> {
    let provider = default_provider();
    let verifier = Verifier::new(trust, provider.signature_verification_algorithms)?;
    Ok(ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

impl Authorities {
    fn load(&self) -> Result<Vec<CertificateDer<'static>>, TrustError> {
        match self {
            Self::OfThisMachine => {
                let found = load_native_certs().certs;
                if found.is_empty() { Err(TrustError::NoRoots) } else { Ok(found) }
            }
            Self::OfFile(path) => {
                let unreadable = |error| TrustError::File(format!("{}: {error}", path.display()));
                let bytes = std::fs::read(path).map_err(unreadable)?;
                let pem = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
                let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
                match found {
                    Err(error) => Err(TrustError::File(error.to_string())),
                    Ok(found) if found.is_empty() => {
                        Err(TrustError::File("it contains no certificate".to_owned()))
                    }
                    Ok(found) => Ok(found),
                }
            }
            Self::OfThisMachineAndFile(path) => {
                let mut found = Self::OfFile(path.clone()).load()?;
                found.extend(load_native_certs().certs);
                Ok(found)
            }
        }
    }
}

/// The UTF-8 byte order mark, with which some editors begin text files.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Verifies a server's certificate according to [`Trust`].
#[derive(Debug)]
struct Verifier {
    /// The certificates of the trusted authorities; with `None`, every certificate is accepted.
    authorities: Option<Vec<CertificateDer<'static>>>,
    roots: RootCertStore,
    checks_name: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn new(trust: &Trust, algorithms: WebPkiSupportedAlgorithms) -> Result<Self, TrustError> {
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
            // A self-signed certificate that is marked as an authority, such as one that `openssl req -x509` makes, is
            // accepted if it is one of the trusted certificates. webpki refuses it with the error `CaUsedAsEndEntity`,
            // which rustls reports as `Other`. webpki checks the validity period first and reports another error for
            // an expired certificate, so an expired certificate is still refused.
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
    /// A time at which the certificates of rcgen are valid: they are valid from 1975 to 4096.
    const IN_2030: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_900_000_000));
    /// A time at which the certificates of rcgen have expired.
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

    fn trusting(authority: &Certificate, trust: fn(PathBuf) -> Trust) -> Verifier {
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(authority.pem().as_bytes()).unwrap();
        let trust = trust(file.path().to_owned());
        Verifier::new(&trust, default_provider().signature_verification_algorithms).unwrap()
    }

    fn strict(file: PathBuf) -> Trust {
        Trust::SignedForName(Authorities::OfFile(file))
    }

    fn accepts(verifier: &Verifier, certificate: &Certificate, name: &'static str, now: UnixTime) -> bool {
        let name = ServerName::try_from(name).unwrap();
        verifier.verify_server_cert(certificate.der(), &[], &name, &[], now).is_ok()
    }

    #[test]
    fn a_certificate_must_be_signed_by_an_authority_not_expired_and_for_the_host() {
        let (root, issuer) = authority();
        let server = signed_by(&issuer);
        for trust in [strict, |file| Trust::SignedForName(Authorities::OfThisMachineAndFile(file))] {
            let strict = trusting(&root, trust);
            assert!(accepts(&strict, &server, NAME, IN_2030));
            assert!(!accepts(&strict, &server, NAME, IN_5000));
            assert!(!accepts(&strict, &server, "other.example", IN_2030));
            assert!(!accepts(&strict, &signed_by(&authority().1), NAME, IN_2030));
        }
        let lenient = trusting(&root, |file| Trust::Signed(Authorities::OfFile(file)));
        assert!(accepts(&lenient, &server, "other.example", IN_2030));
        assert!(!accepts(&lenient, &server, NAME, IN_5000));
        assert!(!accepts(&lenient, &signed_by(&authority().1), NAME, IN_2030));
    }

    #[test]
    fn a_self_signed_certificate_is_accepted_when_it_is_configured_as_an_authority() {
        let (own, _) = authority();
        let strict = trusting(&own, strict);
        assert!(accepts(&strict, &own, NAME, IN_2030));
        assert!(!accepts(&strict, &own, NAME, IN_5000));
        assert!(!accepts(&strict, &own, "other.example", IN_2030));
        assert!(!accepts(&strict, &authority().0, NAME, IN_2030));
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_a_certificate_file() {
        let (root, _) = authority();
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(&[BYTE_ORDER_MARK, root.pem().as_bytes()].concat()).unwrap();
        assert_eq!(Authorities::OfFile(file.path().to_owned()).load().unwrap(), [root.der().clone()]);
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        for path in ["/does/not/exist.pem", "/dev/null"] {
            for authorities in
                [Authorities::OfFile(path.into()), Authorities::OfThisMachineAndFile(path.into())]
            {
                let error = client_config(&Trust::Signed(authorities)).unwrap_err();
                assert!(matches!(error, TrustError::File(_)), "{error}");
            }
        }
    }
}
