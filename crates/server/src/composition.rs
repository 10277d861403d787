//! Connects the use cases to their adapters, and the REST API to the use cases.

mod accounts;
mod application;
mod optional_component;
mod readiness;
mod start_error;
mod storage;
mod throttle;

use std::sync::Arc;

use adapter_crypto::{
    AeadSealer, Argon2Hasher, HashCost, HmacSigner, LogSealMaker, RandomBackoff, SecretTokens, SystemClock,
    UuidGenerator,
};
use adapter_mailer_console::ConsoleMailer;
use adapter_mailer_smtp::{Limits, SmtpMailer};
use adapter_media::{FolderMedia, PictureStudio, S3Media};
use adapter_payments_sandbox::Sandbox;
use adapter_payments_stripe::StripeGateway;
use app::{
    accounts::{OwnData, PasswordGuard, Profiles, Sessions, SignUp, Users},
    audit::Audit,
    cart::Carts,
    catalog::{Catalog, Posters, SearchUpkeep},
    engagement::Engagement,
    library::Library,
    notifications::{Notifications, Notifier},
    orders::Orders,
    outbox::Outbox,
    paging::CursorCodec,
    payments::Payments,
    record::Recorder,
};
pub use domain::failure::error_chain;
use domain::{
    accounts::PasswordHasher,
    entropy::{Sealer, Signer},
    id::IdGenerator,
    library::FilmStore,
    mail::Mailer,
    media::MediaStore,
    payments::PaymentGateway,
    throttle::RateLimiter,
    time::{Backoff, Clock},
};

pub(crate) use self::storage::{look_at_schema, open_database};
use self::{
    accounts::{AccountPorts, AccountUseCases},
    optional_component::{OptionalComponent, warn_of_media},
    throttle::Throttle,
};
pub use self::{
    application::{Application, Prepared},
    start_error::StartError,
    storage::{Database, DatabaseAdmin, Schema},
};
use crate::{
    config::{AppEnv, MailerSetting, MediaSetting, PaymentSetting, Settings},
    workers::deliveries_at_once,
};

/// Replaces adapters in tests, for example to move the clock or to read the sent mails. `None` keeps the adapter that
/// the settings select, or the default.
#[derive(Clone, Default)]
pub struct Overrides {
    /// Replaces the operating system's clock.
    pub clock: Option<Arc<dyn Clock>>,
    /// Replaces the generator of random, time-ordered identifiers.
    pub ids: Option<Arc<dyn IdGenerator>>,
    /// Replaces the configured mailer.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// Replaces the hashing of passwords with Argon2id.
    pub passwords: Option<Arc<dyn PasswordHasher>>,
    /// The number of threads that serve requests. The default is one per processor core.
    pub web_threads: Option<usize>,
}

/// The URLs of the server and of its frontend, all without a trailing slash.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "each field is a URL")]
pub struct Addresses {
    /// The public URL of the server.
    pub public_url: String,
    /// The URL of the frontend. Links in mails begin with it, except links to unsubscribe, which begin with
    /// `public_url`. Buyers return to the frontend after a checkout.
    pub frontend_url: String,
    /// The URL at which this machine reaches the server. The payment sandbox sends its webhooks there.
    pub own_url: String,
}

/// All use cases, connected to the adapters that the settings select.
#[derive(Clone)]
pub struct UseCases {
    /// Signing up.
    pub signup: Arc<SignUp>,
    /// Sessions and passwords.
    pub sessions: Arc<Sessions>,
    /// Profiles.
    pub profiles: Arc<Profiles>,
    /// Users, for administrators.
    pub users: Arc<Users>,
    /// A user's own data.
    pub own_data: Arc<OwnData>,
    /// The audit log.
    pub audit: Arc<Audit>,
    /// The catalogue.
    pub catalog: Arc<Catalog>,
    /// Uploaded posters.
    pub posters: Arc<Posters>,
    /// The upkeep of the search index.
    pub search_upkeep: Arc<SearchUpkeep>,
    /// The cart.
    pub carts: Arc<Carts>,
    /// Reactions, ratings, favourites and comments.
    pub engagement: Arc<Engagement>,
    /// The library of a user: the bought movies, their playback, and how far the user has watched them.
    pub library: Arc<Library>,
    /// Notifications.
    pub notifications: Arc<Notifications>,
    /// Notifies users.
    pub notifier: Arc<Notifier>,
    /// Orders.
    pub orders: Arc<Orders>,
    /// Payments.
    pub payments: Arc<Payments>,
    /// The sandbox, a simulated payment provider; `None` if Stripe is used.
    pub sandbox: Option<Sandbox>,
    /// Handles the messages of the outbox in the background, for example sends mails.
    pub outbox: Arc<Outbox>,
    /// The number of outbox workers (`OUTBOX_WORKERS`), each of which handles one message at a time. Slow deliveries
    /// continue in the background, in addition to the workers.
    pub outbox_workers: usize,
    /// The database itself.
    pub database: Arc<dyn Database>,
    /// Generates identifiers.
    pub ids: Arc<dyn IdGenerator>,
    throttle: Throttle,
    media: Arc<dyn MediaStore>,
}

impl UseCases {
    /// Opens the database, migrates it, and builds the use cases on it. In `prod` the database is not migrated; it must
    /// have been migrated with `cinema migrate`. Must be called on the runtime that drives the connections.
    ///
    /// # Errors
    /// See [`StartError`].
    #[expect(clippy::too_many_lines, reason = "it lists every use case with its ports")]
    pub async fn build(
        settings: &Settings,
        overrides: &Overrides,
        addresses: &Addresses,
    ) -> Result<Self, StartError> {
        let keys = settings.key_ring()?;
        let database = open_database(settings).await?;
        bring_up_to_date(settings, &*database).await?;
        let clock = overrides.clock.clone().unwrap_or_else(|| Arc::new(SystemClock));
        let backoff: Arc<dyn Backoff> = Arc::new(RandomBackoff);
        let ids = overrides.ids.clone().unwrap_or_else(|| Arc::new(UuidGenerator));
        let sealer: Arc<dyn Sealer> = Arc::new(AeadSealer::new(&keys));
        let mailer = open_mailer(settings, overrides)?;
        let signer: Arc<dyn Signer> = Arc::new(HmacSigner::new(&keys));
        let cursors = CursorCodec::new(Arc::clone(&signer));
        let (media, films): (Arc<dyn MediaStore>, Arc<dyn FilmStore>) = match &settings.media {
            MediaSetting::Folder(folder) => {
                let folder = Arc::new(FolderMedia::open(folder)?);
                (folder.clone(), folder)
            }
            MediaSetting::S3(s3) => {
                let s3 = Arc::new(S3Media::new(s3)?);
                (s3.clone(), s3)
            }
        };
        let passwords = match &overrides.passwords {
            Some(passwords) => Arc::clone(passwords),
            None => Arc::new(Argon2Hasher::new(settings.hash_slots, HashCost::OWASP)?),
        };
        let throttle = Throttle::open(settings, Arc::clone(&clock))?;
        let tokens = Arc::new(SecretTokens::new(&keys));
        let recorder = Recorder {
            ids: Arc::clone(&ids),
            sealer: Arc::clone(&sealer),
            frontend_url: addresses.frontend_url.clone(),
        };
        let pictures = Arc::new(PictureStudio::default());
        let accounts = AccountUseCases::build(
            settings,
            &keys,
            AccountPorts {
                database: Arc::clone(&database),
                passwords: PasswordGuard { hasher: passwords, guard: Arc::clone(&throttle.guard) },
                media: Arc::clone(&media),
                pictures: Arc::clone(&pictures),
                recorder: recorder.clone(),
                cursors: cursors.clone(),
                clock: Arc::clone(&clock),
                backoff: Arc::clone(&backoff),
                ids: Arc::clone(&ids),
            },
        );
        let audit = Arc::new(Audit {
            queries: database.clone(),
            cursors: cursors.clone(),
            seals: database.clone(),
            maker: Arc::new(LogSealMaker::new(&keys)),
            clock: Arc::clone(&clock),
            backoff: Arc::clone(&backoff),
        });
        let catalog = Arc::new(Catalog {
            store: database.clone(),
            moderation: database.clone(),
            queries: database.clone(),
            names: database.clone(),
            words: database.clone(),
            facets: database.clone(),
            similar: database.clone(),
            cursors: cursors.clone(),
            clock: Arc::clone(&clock),
            backoff: Arc::clone(&backoff),
            ids: Arc::clone(&ids),
            recorder: recorder.clone(),
        });
        let posters = Arc::new(Posters {
            moderation: database.clone(),
            store: database.clone(),
            queries: database.clone(),
            media: Arc::clone(&media),
            images: pictures,
            recorder: recorder.clone(),
            clock: Arc::clone(&clock),
            backoff: Arc::clone(&backoff),
            ids: Arc::clone(&ids),
        });
        let search_upkeep = Arc::new(SearchUpkeep::new(database.clone(), Arc::clone(&clock)));
        let carts = Arc::new(Carts {
            store: database.clone(),
            queries: database.clone(),
            clock: Arc::clone(&clock),
            backoff: Arc::clone(&backoff),
            ids: Arc::clone(&ids),
            currency: settings.currency,
        });
        let notifier = Arc::new(Notifier {
            ids: Arc::clone(&ids),
            sealer: Arc::clone(&sealer),
            frontend_url: addresses.frontend_url.clone(),
            public_url: addresses.public_url.clone(),
        });
        let library = Arc::new(Library {
            store: database.clone(),
            queries: database.clone(),
            words: database.clone(),
            films,
            media: Arc::clone(&media),
            signer: Arc::clone(&signer),
            cursors: cursors.clone(),
            clock: Arc::clone(&clock),
            backoff: Arc::clone(&backoff),
            ids: Arc::clone(&ids),
            public_url: addresses.public_url.clone(),
        });
        let notifications = Arc::new(Notifications {
            store: database.clone(),
            queries: database.clone(),
            clock: Arc::clone(&clock),
            backoff: Arc::clone(&backoff),
            ids: Arc::clone(&ids),
            tokens,
            sealer: Arc::clone(&sealer),
            cursors: cursors.clone(),
        });
        let (gateway, sandbox): (Arc<dyn PaymentGateway>, Option<Sandbox>) = match &settings.payments {
            PaymentSetting::Sandbox => {
                let sandbox = Sandbox::open(
                    &settings.data_dir.join("sandbox"),
                    signer,
                    Arc::clone(&clock),
                    &addresses.public_url,
                    &addresses.own_url,
                )?;
                (Arc::new(sandbox.clone()), Some(sandbox))
            }
            PaymentSetting::Stripe(stripe) => {
                (Arc::new(StripeGateway::new(stripe.clone(), Arc::clone(&clock))?), None)
            }
        };
        let payments = Arc::new(Payments {
            store: database.clone(),
            orders: database.clone(),
            queries: database.clone(),
            refunds: database.clone(),
            refund_requests: database.clone(),
            disputes: database.clone(),
            sales: database.clone(),
            checks: database.clone(),
            keys: database.clone(),
            events: database.clone(),
            users: database.clone(),
            gateway,
            recorder: recorder.clone(),
            cursors: cursors.clone(),
            clock: Arc::clone(&clock),
            backoff: Arc::clone(&backoff),
            ids: Arc::clone(&ids),
            currency: settings.currency,
        });
        let engagement = Arc::new(Engagement {
            store: database.clone(),
            comments: database.clone(),
            reports: database.clone(),
            popularity: database.clone(),
            recorder,
            notifier: Arc::clone(&notifier),
            clock: Arc::clone(&clock),
            backoff: Arc::clone(&backoff),
            ids: Arc::clone(&ids),
            cursors: cursors.clone(),
        });
        let orders = Arc::new(Orders {
            store: database.clone(),
            queries: database.clone(),
            payments: Arc::clone(&payments),
            cursors,
            clock: Arc::clone(&clock),
            backoff: Arc::clone(&backoff),
            ids: Arc::clone(&ids),
            currency: settings.currency,
        });
        let outbox = Arc::new(Outbox {
            queue: database.clone(),
            sealer,
            mailer,
            signup: Arc::clone(&accounts.signup),
            sessions: Arc::clone(&accounts.sessions),
            profiles: Arc::clone(&accounts.profiles),
            posters: Arc::clone(&posters),
            clock,
            backoff,
        });
        let outbox_workers = settings.outbox_workers;
        let AccountUseCases { signup, sessions, profiles, users, own_data } = accounts;
        Ok(Self {
            signup,
            sessions,
            profiles,
            users,
            own_data,
            audit,
            catalog,
            posters,
            search_upkeep,
            carts,
            engagement,
            library,
            notifications,
            notifier,
            orders,
            payments,
            sandbox,
            outbox,
            outbox_workers,
            database,
            ids,
            throttle,
            media,
        })
    }
}

impl UseCases {
    /// Returns the rate limiter.
    #[must_use]
    pub fn limiter(&self) -> Arc<dyn RateLimiter> {
        Arc::clone(&self.throttle.limiter)
    }

    /// Waits at most one second for the connection to Redis, if it is configured. Also starts a check of the media
    /// store in the background, which logs a warning if the store does not work.
    pub(crate) async fn settle(&self) {
        tokio::spawn(warn_of_media(Arc::clone(&self.media)));
        self.throttle.ready().await;
    }

    /// Returns the components that the server can run without: only some functions fail while such a component is
    /// unavailable.
    fn optional_components(&self) -> Vec<OptionalComponent> {
        let redis = self.throttle.shared.iter().map(|redis| OptionalComponent::redis(Arc::clone(redis)));
        redis.chain([OptionalComponent::media(Arc::clone(&self.media))]).collect()
    }
}

/// Opens the configured mailer, or returns the mailer in `overrides`, which replaces it.
fn open_mailer(settings: &Settings, overrides: &Overrides) -> Result<Arc<dyn Mailer>, StartError> {
    Ok(match (&overrides.mailer, &settings.mailer) {
        (Some(mailer), _) => Arc::clone(mailer),
        (None, MailerSetting::Console) => Arc::new(ConsoleMailer),
        (None, MailerSetting::Smtp(smtp)) => {
            let connections = deliveries_at_once(settings.outbox_workers);
            let limits = Limits { connections, ..Limits::default() };
            Arc::new(SmtpMailer::new(&smtp.url, &smtp.from, limits)?)
        }
    })
}

async fn bring_up_to_date(settings: &Settings, database: &dyn DatabaseAdmin) -> Result<(), StartError> {
    match database.schema().await.map_err(StartError::Database)? {
        Schema::Current => Ok(()),
        Schema::Ahead => Err(StartError::Ahead),
        Schema::Behind(count) if settings.app_env == AppEnv::Prod => Err(StartError::Behind(count)),
        Schema::Behind(_) => migrate(database).await,
    }
}

/// Runs the pending migrations. If a check finds beforehand that they would fail, returns an error without running any.
pub(crate) async fn migrate(database: &dyn DatabaseAdmin) -> Result<(), StartError> {
    match database.obstacle_to_migrating().await.map_err(StartError::Database)? {
        Some(obstacle) => Err(StartError::Unsuitable(obstacle)),
        None => database.migrate().await.map_err(StartError::Migration),
    }
}
