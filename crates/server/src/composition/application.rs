use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, mpsc},
    thread,
};

use actix_web::{dev::ServerHandle, rt::System};
use api_actix::{ApiSettings, ApiState, DocsAccess, Rules, Timeouts};
use domain::{payments::SandboxCheckouts, store::StoreError};
use tokio::{runtime::Handle, sync::oneshot};

use super::{
    Addresses, Overrides, StartError, UseCases,
    readiness::{Draining, ServerReadiness},
};
use crate::{
    config::{AppEnv, DocsSetting, Settings, local_url},
    workers::Workers,
};

/// The complete server, which serves requests as soon as it is built.
///
/// Use cases and database connections run on the multi-thread runtime on which the server is built. The REST API has
/// its own threads, each with a current-thread runtime, and runs every use case on the multi-thread runtime.
pub struct Application {
    address: SocketAddr,
    public_url: String,
    frontend_url: String,
    use_cases: UseCases,
    draining: Draining,
    api: ServerHandle,
    ended: oneshot::Receiver<()>,
}

/// A server that is ready to start. Its socket is open, but it serves no requests yet, so clients that connect have to
/// wait.
pub struct Prepared {
    listener: TcpListener,
    address: SocketAddr,
    public_url: String,
    frontend_url: String,
    use_cases: UseCases,
    web_threads: usize,
}

impl Prepared {
    /// Returns the use cases, for work before the first request.
    #[must_use]
    pub const fn use_cases(&self) -> &UseCases {
        &self.use_cases
    }
}

impl Application {
    /// Builds everything from the settings, and starts the server. Background work is not started; see
    /// [`Application::start_workers`] and [`Application::run_outbox_once`].
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn build(settings: &Settings, overrides: Overrides) -> Result<Self, StartError> {
        Self::serve(settings, Self::prepare(settings, overrides).await?)
    }

    /// Opens the socket and the database, and builds the use cases.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn prepare(settings: &Settings, overrides: Overrides) -> Result<Prepared, StartError> {
        let wanted = SocketAddr::new(settings.host, settings.port);
        let failed = |source| StartError::Listen { address: wanted, source };
        let listener = listen(wanted).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let public_url = settings.public_url.clone().unwrap_or_else(|| local_url(address));
        let frontend_url = settings.frontend_url.clone().unwrap_or_else(|| public_url.clone());
        let addresses = Addresses {
            public_url: public_url.clone(),
            frontend_url: frontend_url.clone(),
            own_url: local_url(address),
        };
        let use_cases = UseCases::build(settings, &overrides, &addresses).await?;
        use_cases.settle().await;
        let one_a_core = || thread::available_parallelism().map_or(1, usize::from);
        let web_threads = overrides.web_threads.unwrap_or_else(one_a_core);
        Ok(Prepared { listener, address, public_url, frontend_url, use_cases, web_threads })
    }

    /// Starts a prepared server. Must be called on the runtime that it was prepared on.
    ///
    /// # Errors
    /// When the REST API does not start.
    pub fn serve(settings: &Settings, prepared: Prepared) -> Result<Self, StartError> {
        let Prepared { listener, address, public_url, frontend_url, use_cases, web_threads } = prepared;
        let draining = Draining::default();
        let state = ApiState {
            runtime: Handle::current(),
            ids: Arc::clone(&use_cases.ids),
            limiter: use_cases.limiter(),
            rules: Rules {
                passwords: settings.password_policy,
                currency: settings.currency,
                clock: Arc::clone(&use_cases.carts.clock),
            },
            readiness: Arc::new(ServerReadiness {
                database: use_cases.database.clone(),
                draining: draining.clone(),
                optional: use_cases.optional_components(),
            }),
            signup: Arc::clone(&use_cases.signup),
            sessions: Arc::clone(&use_cases.sessions),
            profiles: Arc::clone(&use_cases.profiles),
            users: Arc::clone(&use_cases.users),
            own_data: Arc::clone(&use_cases.own_data),
            audit: Arc::clone(&use_cases.audit),
            catalog: Arc::clone(&use_cases.catalog),
            posters: Arc::clone(&use_cases.posters),
            carts: Arc::clone(&use_cases.carts),
            engagement: Arc::clone(&use_cases.engagement),
            library: Arc::clone(&use_cases.library),
            notifications: Arc::clone(&use_cases.notifications),
            orders: Arc::clone(&use_cases.orders),
            payments: Arc::clone(&use_cases.payments),
            idempotency: Arc::clone(&use_cases.payments.keys),
            sandbox: use_cases
                .sandbox
                .clone()
                .map(|sandbox| -> Arc<dyn SandboxCheckouts> { Arc::new(sandbox) }),
        };
        let api_settings = ApiSettings {
            public_url: public_url.clone(),
            serve_pages: frontend_url == public_url,
            cors_origins: settings.cors_origins.clone(),
            cors_request_headers: settings.cors_request_headers.clone(),
            trusted_proxies: settings.trusted_proxies.clone(),
            docs_access: match settings.docs_access {
                DocsSetting::Public => DocsAccess::Public,
                DocsSetting::Authenticated => DocsAccess::Authenticated,
            },
            rate_limits: settings.rate_limits.clone(),
            max_in_flight: settings.max_in_flight,
            hot_page_time: settings.hot_page_time,
            max_connections_per_client: settings.max_connections_per_client,
            timeouts: Timeouts::default(),
            request_timeout: settings.request_timeout,
            workers: web_threads,
            is_dev: settings.app_env == AppEnv::Dev,
        };
        let (api, ended) = serve(listener, state, api_settings)?;
        Ok(Self { address, public_url, frontend_url, use_cases, draining, api, ended })
    }

    /// Returns the address that the server listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the public URL of the server, without a trailing slash.
    #[must_use]
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Returns the URL of the frontend, without a trailing slash. Links in mails begin with this URL, except links to
    /// unsubscribe.
    #[must_use]
    pub fn frontend_url(&self) -> &str {
        &self.frontend_url
    }

    /// Returns the use cases, for calls without HTTP.
    #[must_use]
    pub const fn use_cases(&self) -> &UseCases {
        &self.use_cases
    }

    /// Handles the messages that are due in the outbox. Returns how many of them succeeded.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn run_outbox_once(&self) -> Result<u64, StoreError> {
        self.use_cases.outbox.deliver_due().await
    }

    /// Starts the background work.
    #[must_use]
    pub fn start_workers(&self) -> Workers {
        Workers::start(&self.use_cases)
    }

    /// Makes the server report that it is not ready, so that load balancers send no more requests. Requests that arrive
    /// anyway are still handled.
    pub fn begin_drain(&self) {
        self.draining.begin();
    }

    /// Accepts no more connections, waits at most 25 s for the running requests, and stops.
    pub async fn stop(self) {
        self.begin_drain();
        self.api.stop(true).await;
        // An error means that the thread of the API panicked, and has therefore ended as well.
        drop(self.ended.await);
    }

    /// Waits until the REST API ends by itself, which happens only after a failure.
    pub async fn ended(&mut self) {
        if (&mut self.ended).await.is_err() {
            tracing::error!("the thread of the API panicked");
        }
    }
}

/// Opens the socket. The standard library sets `SO_REUSEADDR`, so this works even if a server on the same address has
/// just stopped.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn serve(
    listener: TcpListener,
    state: ApiState,
    settings: ApiSettings,
) -> Result<(ServerHandle, oneshot::Receiver<()>), StartError> {
    let (started, has_started) = mpsc::sync_channel(1);
    let (ending, ended) = oneshot::channel();
    let api = move || {
        System::new().block_on(async move {
            let server = match api_actix::serve(listener, state, settings) {
                Ok(server) => server,
                Err(error) => {
                    drop(started.send(Err(error)));
                    return;
                }
            };
            drop(started.send(Ok(server.handle())));
            if let Err(error) = server.await {
                tracing::error!(%error, "the API stopped");
            }
        });
        // Sending fails if the `Application`, which receives the message, was dropped.
        let _ = ending.send(());
    };
    thread::Builder::new().name("api".to_owned()).spawn(api).map_err(StartError::Api)?;
    let gone = || StartError::Api(std::io::Error::other("its thread ended at once"));
    let handle = has_started.recv().map_err(|_| gone())?.map_err(StartError::Api)?;
    Ok((handle, ended))
}
