use std::{fmt, fs::File, sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{
    library::{FilmAccess, FilmSource, FilmStore},
    media::{MediaKey, MediaStore},
    store::StoreError,
};
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    client::{HttpClient, HttpConnector},
    signer::Signer,
};
use reqwest::Method;
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tls_trust::{Authorities, Trust, TrustError, client_config};

use crate::{
    films,
    objects::{Objects, failed, path},
};

/// The time limit of a call, other than storing a film. It includes retries.
const PATIENCE: Duration = Duration::from_secs(5);

/// The time limit of one attempt of a call that has the time limit [`PATIENCE`]. It leaves time for a second attempt.
const PATIENCE_OF_ONE_TRY: Duration = Duration::from_secs(3);

/// The time limit for a new connection.
const PATIENCE_TO_CONNECT: Duration = Duration::from_secs(2);

/// The maximum number of retries of a call that the server did not answer or temporarily refused.
const REPEATS: usize = 2;

/// The bucket, its server, and the credentials for it.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Settings {
    /// The name of the bucket. The bucket must exist.
    pub bucket: String,
    /// The URL of the server if it is not Amazon's, such as `https://minio.internal:9000`. The path of each request
    /// begins with the bucket's name (path-style requests).
    pub endpoint: Option<String>,
    /// The region, such as `us-east-1`.
    pub region: String,
    /// The identifier of the access key.
    pub access_key_id: String,
    /// The secret of the access key.
    pub secret_access_key: String,
    /// The session token, if the credentials are temporary.
    pub session_token: Option<String>,
}

impl fmt::Debug for S3Settings {
    /// Omits the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Settings")
            .field("bucket", &self.bucket)
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// Why the S3 client cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    /// The settings are not consistent.
    #[error("cannot use the bucket ({0})")]
    Settings(#[from] object_store::Error),
    /// The TLS configuration that the HTTP client requires even for an unencrypted endpoint cannot be created.
    #[error("cannot set up TLS ({0})")]
    Encryption(#[from] rustls::Error),
    /// For an encrypted endpoint, the trusted certificates of this machine cannot be loaded, or TLS cannot be set up
    /// with them.
    #[error("cannot create the TLS configuration ({0})")]
    Trust(#[from] TrustError),
    /// The HTTP client cannot be built.
    #[error("cannot create the client ({0})")]
    Client(#[from] reqwest::Error),
}

/// How long a signed URL for reading a film is valid. A transfer that began before the URL expires continues.
const ADDRESS_LIFETIME: Duration = Duration::from_mins(1);

/// The time limit of one attempt to store a part of a film. A failed attempt is not retried if more than this time has
/// passed since the first attempt began.
const PATIENCE_OF_A_PART: Duration = Duration::from_mins(1);

/// Stores media files in a bucket of Amazon S3, or of another server with the same API.
#[derive(Clone)]
pub struct S3Media {
    objects: Objects,
    /// A client for the same bucket with longer time limits, to store films.
    films: Arc<dyn ObjectStore>,
    signer: Arc<AmazonS3>,
}

impl fmt::Debug for S3Media {
    /// Omits the S3 clients, which contain credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Media").field("objects", &self.objects).finish_non_exhaustive()
    }
}

impl S3Media {
    /// Creates the client. Does not call the server.
    ///
    /// # Errors
    /// When the settings are not consistent, or TLS or the HTTP client cannot be set up.
    pub fn new(settings: &S3Settings) -> Result<Self, S3Error> {
        let store = Arc::new(bucket(settings, PATIENCE, PATIENCE_OF_ONE_TRY)?);
        let films = bucket(settings, PATIENCE_OF_A_PART, PATIENCE_OF_A_PART)?;
        Ok(Self {
            objects: Objects { store: store.clone(), patience: PATIENCE, folder: None },
            films: Arc::new(films),
            signer: store,
        })
    }
}

/// Creates a client for the bucket. An attempt that fails more than `patience` after the beginning of the call is not
/// retried; `of_one_try` is the time limit of one attempt.
fn bucket(settings: &S3Settings, patience: Duration, of_one_try: Duration) -> Result<AmazonS3, S3Error> {
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&settings.bucket)
        .with_region(&settings.region)
        .with_access_key_id(&settings.access_key_id)
        .with_secret_access_key(&settings.secret_access_key)
        // Some servers cannot delete several objects in one call.
        .with_disable_bulk_delete(true)
        .with_retry(RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(50),
                max_backoff: Duration::from_millis(500),
                base: 2.0,
            },
            max_retries: REPEATS,
            retry_timeout: patience,
        })
        .with_http_connector(Connector(client(settings.endpoint.as_deref(), of_one_try)?));
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(true);
    }
    if let Some(token) = &settings.session_token {
        builder = builder.with_token(token);
    }
    Ok(builder.build()?)
}

/// Provides `object_store` with our own HTTP client, which reads no environment variables, and uses the same TLS
/// library as the rest of the program.
#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

fn client(endpoint: Option<&str>, of_one_try: Duration) -> Result<reqwest::Client, S3Error> {
    let is_encrypted = endpoint.is_none_or(|endpoint| endpoint.starts_with("https://"));
    let encryption = if is_encrypted {
        client_config(&Trust::SignedForName(Authorities::OfThisMachine))?
    } else {
        // reqwest requires a TLS configuration even if it is not used. This one trusts no server.
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth()
    };
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(encryption)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(PATIENCE_TO_CONNECT)
        .timeout(of_one_try)
        .build()?)
}

#[async_trait]
impl MediaStore for S3Media {
    async fn put(&self, key: &MediaKey, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.objects.put(key, bytes).await
    }
    async fn get(&self, key: &MediaKey) -> Result<Option<Vec<u8>>, StoreError> {
        self.objects.get(key).await
    }
    async fn delete(&self, key: &MediaKey) -> Result<(), StoreError> {
        self.objects.delete(key).await
    }
}

#[async_trait]
impl FilmStore for S3Media {
    async fn put_film(
        &self,
        key: &MediaKey,
        file: File,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<u64, StoreError> {
        films::put(&self.films, key, file, true, progress).await
    }

    async fn open_film(&self, key: &MediaKey, access: FilmAccess) -> Result<Option<FilmSource>, StoreError> {
        let method = match access {
            FilmAccess::Read => Method::GET,
            FilmAccess::Head => Method::HEAD,
        };
        // Signs the URL locally, without calling the server.
        let address = self.signer.signed_url(method, &path(key), ADDRESS_LIFETIME).await.map_err(failed)?;
        Ok(Some(FilmSource::Address(address.into())))
    }

    async fn remove_film(&self, key: &MediaKey) -> Result<(), StoreError> {
        self.objects.delete(key).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> S3Settings {
        S3Settings {
            bucket: "media".to_owned(),
            endpoint: Some("http://127.0.0.1:9".to_owned()),
            region: "us-east-1".to_owned(),
            access_key_id: "canary-id".to_owned(),
            secret_access_key: "canary-secret".to_owned(),
            session_token: Some("canary-token".to_owned()),
        }
    }

    #[test]
    fn debug_output_hides_the_credentials() {
        let media = S3Media::new(&settings());
        assert!(!format!("{:?} {:?}", settings(), media.unwrap()).contains("canary"));
    }

    #[tokio::test]
    async fn requests_are_signed_for_the_region() {
        let media = S3Media::new(&S3Settings { region: "eu-central-1".to_owned(), ..settings() }).unwrap();
        let key = MediaKey::avatar_named("0190a1b2-0000-7000-8000-000000000000.jpg").unwrap();
        let film = media.open_film(&key, FilmAccess::Read).await.unwrap();
        let Some(FilmSource::Address(address)) = film else { panic!("a redirect is expected") };
        assert!(address.contains("%2Feu-central-1%2Fs3%2F"), "{address}");
    }
}
