//! Creates initial data in development: a catalogue and an administrator.

use std::{
    fs::File,
    io::{Cursor, Read},
    path::{Path, PathBuf},
};

use adapter_crypto::fresh_secret;
use app::accounts::CreateAdminError;
use domain::{
    accounts::{EmailAddress, PasswordPolicy, PlainPassword},
    catalog::PartialFacts,
};
use movie_files::{FileKind, MovieFile, ReadOptions};

use crate::{
    composition::{UseCases, error_chain},
    config::{SecretFileError, Settings, keep_secret},
};

/// The embedded catalogue, which is used if the working folder has none.
const SHIPPED: &str = include_str!("../../../data/movies.jsonl");

/// The paths in the working folder where a catalogue is searched for, in order of preference.
const FOUND: [&str; 2] = ["data/movies.jsonl", "data/movies.csv"];

/// The maximum number of movies that are imported in one transaction.
const BATCH: usize = 500;

const ADMIN_FILE: &str = "dev-admin";
const ADMIN: &str = "admin@cinema.example";

/// How a developer signs in as administrator.
#[derive(Debug)]
pub(crate) enum DevAdmin {
    /// With this email address and password, unless the password was changed after the account was created.
    Known {
        /// The address.
        email: String,
        /// The password.
        password: String,
        /// The file with the password.
        file: PathBuf,
    },
    /// With a password that this server does not know: another server created the account, or the file with the
    /// password was removed.
    Elsewhere {
        /// The address.
        email: String,
    },
}

/// Why the first start failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FirstStartError {
    /// The administrator's password cannot be stored.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// The administrator cannot be created.
    #[error("cannot create the development administrator ({})", error_chain(.0))]
    Admin(CreateAdminError),
}

/// Creates the development administrator if the account does not exist. Returns how to sign in as this administrator.
/// The password is generated at the first start and stored in a file, which later starts read.
pub(crate) async fn dev_admin(
    settings: &Settings,
    use_cases: &UseCases,
) -> Result<Option<DevAdmin>, FirstStartError> {
    let Ok(email) = ADMIN.parse::<EmailAddress>() else { return Ok(None) };
    let file = settings.data_dir.join(ADMIN_FILE);
    let was_kept = file.exists();
    let password =
        keep_secret(&settings.data_dir, ADMIN_FILE, || fresh_password(settings.password_policy, &email))?
            .trim()
            .to_owned();
    match use_cases.signup.create_admin(email, PlainPassword::new(&password)).await {
        Err(CreateAdminError::EmailTaken) if !was_kept => {
            // The account already existed, so its password is not the one in the new file. The file is removed, so that
            // the next start does not show a wrong password.
            drop(std::fs::remove_file(&file));
            Ok(Some(DevAdmin::Elsewhere { email: ADMIN.to_owned() }))
        }
        Ok(()) | Err(CreateAdminError::EmailTaken) => {
            Ok(Some(DevAdmin::Known { email: ADMIN.to_owned(), password, file }))
        }
        Err(error) => Err(FirstStartError::Admin(error)),
    }
}

/// Logs a warning if the development administrator, whose generated password is stored in a file, can sign in. Called
/// in production.
pub(crate) async fn warn_of_dev_admin(use_cases: &UseCases) {
    let Ok(email) = ADMIN.parse::<EmailAddress>() else { return };
    match use_cases.signup.is_active_admin(&email).await {
        Ok(true) => tracing::warn!(
            "the development administrator {ADMIN} can sign in, and its generated password is stored in a file: \
             deactivate the account, or change its password"
        ),
        Ok(false) => {}
        Err(error) => {
            tracing::warn!(error = error_chain(&error), "cannot search for the development administrator");
        }
    }
}

/// Generates sixteen random characters that satisfy the password policy.
fn fresh_password(policy: PasswordPolicy, email: &EmailAddress) -> String {
    loop {
        let password: String = fresh_secret().expose().chars().take(16).collect();
        if policy.check(&PlainPassword::new(&password), Some(email)).is_ok() {
            return password;
        }
    }
}

/// Imports the catalogue of the working folder, or else the embedded catalogue, if the database has no movies. Returns
/// how many movies were added. A failure is logged and does not prevent the server from starting.
pub(crate) async fn load_catalogue(settings: &Settings, use_cases: &UseCases) -> u64 {
    match use_cases.catalog.is_empty().await {
        Ok(true) => {}
        Ok(false) => return 0,
        Err(error) => {
            tracing::error!(error = error_chain(&error), "cannot read the catalogue");
            return 0;
        }
    }
    let found = FOUND.iter().map(Path::new).find_map(|path| Some((path, File::open(path).ok()?)));
    let (path, source): (&Path, Box<dyn Read + Send>) = match found {
        Some((path, file)) => (path, Box::new(file)),
        None => (Path::new("movies.jsonl"), Box::new(Cursor::new(SHIPPED))),
    };
    let options = ReadOptions {
        kind: FileKind::of_path(path),
        // The prices in the catalogue are in US dollars. If the shop has another currency, the same number of minor
        // units of that currency is imported.
        ignores_price_currency: true,
        ..ReadOptions::new(settings.currency)
    };
    let file = match MovieFile::read(source, options) {
        Ok(file) => file,
        Err(error) => {
            tracing::error!(file = %path.display(), %error, "cannot load the catalogue");
            return 0;
        }
    };
    let mut batch: Vec<PartialFacts> = Vec::with_capacity(BATCH);
    let mut loaded = 0_u64;
    for row in file {
        match row {
            Ok(row) => match row.facts {
                Ok(facts) => batch.push(facts),
                Err(fault) => {
                    tracing::warn!(file = %path.display(), line = row.line, %fault, "skipped an invalid movie");
                }
            },
            Err(error) => {
                tracing::error!(file = %path.display(), %error, "stopped loading the catalogue");
                break;
            }
        }
        if batch.len() >= BATCH && !import(use_cases, &mut batch, &mut loaded).await {
            return loaded;
        }
    }
    import(use_cases, &mut batch, &mut loaded).await;
    loaded
}

/// Imports the batch, and empties it. Adds the number of new movies to `loaded`. Returns `false` after an error, which
/// is logged.
async fn import(use_cases: &UseCases, batch: &mut Vec<PartialFacts>, loaded: &mut u64) -> bool {
    match use_cases.catalog.import(std::mem::take(batch), false).await {
        Ok(outcomes) => {
            let added = outcomes.iter().filter(|outcome| **outcome == app::catalog::ImportOutcome::Added);
            *loaded = loaded.saturating_add(u64::try_from(added.count()).unwrap_or_default());
            true
        }
        Err(error) => {
            tracing::error!(error = error_chain(&error), "stopped loading the catalogue");
            false
        }
    }
}
