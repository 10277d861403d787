//! The error of a program that cannot start.

use std::io;

use adapter_crypto::HasherError;
use adapter_mailer_smtp::SmtpConfigError;
use adapter_media::{FolderError, S3Error};
use adapter_payments_sandbox::OpenSandboxError;
use adapter_payments_stripe::StripeSetupError;
use adapter_throttle::InvalidRedisUrl;
use domain::{failure::error_chain, store::StoreError};

use crate::config::{SecretFileError, SettingsError};

/// Why the program cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings are invalid.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The secret key is missing, or its file cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// Passwords cannot be hashed.
    #[error("cannot hash passwords: {0}")]
    Hasher(#[from] HasherError),
    /// The database cannot be used.
    #[error("cannot use the database ({}): check DATABASE_URL and that it is running", error_chain(.0))]
    Database(StoreError),
    /// The database does not meet a requirement, such as the encoding UTF-8.
    #[error("cannot use the database: {0}")]
    Unsuitable(String),
    /// Migrating failed.
    #[error("cannot migrate the database ({})", error_chain(.0))]
    Migration(StoreError),
    /// The schema is older than this program. This is an error for `cinema migrate --check`, and in production for
    /// every command that uses the database except `cinema migrate`.
    #[error("the database is {0} migrations behind: run `cinema migrate` first")]
    Behind(usize),
    /// The schema is newer than this program.
    #[error("the database was migrated by a newer version of cinema: use that version")]
    Ahead,
    /// The server cannot listen on this address.
    #[error("cannot listen on {address} ({source}): stop what listens there, or set APP_HOST and APP_PORT")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The reason.
        source: io::Error,
    },
    /// The settings of the mail server are invalid.
    #[error("cannot send mail: {0}")]
    Mailer(#[from] SmtpConfigError),
    /// The URL of Redis is invalid.
    #[error(transparent)]
    Redis(#[from] InvalidRedisUrl),
    /// Files cannot be stored in this folder.
    #[error("cannot store media files: {0}: check MEDIA_URL and DATA_DIR")]
    MediaFolder(#[from] FolderError),
    /// Files cannot be stored in this bucket.
    #[error("cannot store media files: {0}: check MEDIA_URL and the AWS_… settings")]
    MediaBucket(#[from] S3Error),
    /// The sandbox cannot be used.
    #[error("cannot take payments: {0}: check DATA_DIR")]
    Sandbox(#[from] OpenSandboxError),
    /// Stripe cannot be used.
    #[error("cannot take payments: {0}: check the STRIPE_… settings")]
    Stripe(#[from] StripeSetupError),
    /// The REST API does not start.
    #[error("cannot serve the API: {0}")]
    Api(io::Error),
}
