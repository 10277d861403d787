//! Builds the app from routes and middleware, and serves it.

use std::{io, net::TcpListener, sync::Arc};

use actix_http::{HttpService, KeepAlive, Protocol, error::DispatchError};
use actix_server::Server;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{
    App, Error, HttpResponse,
    body::MessageBody,
    dev::{AppConfig, ServiceFactory, ServiceRequest, ServiceResponse},
    http::header::LOCATION,
    middleware::{Next, from_fn},
    rt::net::TcpStream,
    web,
};
use http_connections::{
    AnswerMemory, ConnectionLimit, TimedStream, Timeouts, descriptor_limit, limit_socket_buffers,
    raise_descriptor_limit,
};
use paperclip::actix::OpenApiExt;

use crate::{
    accounts::pages,
    catalog::pages as movie_pages,
    docs::{self, Assets, DocsGuard, Document},
    edge::{
        body_memory::BodyMemory, compression, cors::cors, hot_pages, hot_pages::HotPages, in_flight,
        in_flight::InFlightLimit, outermost::Outermost, rate_limit, request_headers,
    },
    html,
    large_answers::LargeAnswers,
    library::{files, transfers::Transfers},
    limits::RateLimitCounter,
    notifications::{pages as notification_pages, streams::LiveStreams},
    openapi::openapi_document,
    orders::pages as order_pages,
    payments::{sandbox, webhook_limit::WebhookLimit},
    problem, routes,
    running_requests::RunningRequests,
    settings::ApiSettings,
    start,
    state::{Api, ApiState},
    uploads::{UPLOADS_OF_ONE_USER, UploadLimit},
};

/// The maximum number of simultaneous avatar uploads; each is held in memory.
const UPLOADS_AT_ONCE: usize = 16;

/// The maximum number of simultaneous poster uploads; each takes up to 10 MiB of memory.
const POSTER_UPLOADS_AT_ONCE: usize = 4;

/// The maximum number of simultaneous film transfers of one purchase. A player needs one or two. `RATE_LIMITS=off`
/// switches off this limit together with the rate limits.
const FILMS_OF_ONE_PURCHASE: u32 = 8;

/// The maximum size of the buffer that each connection has for its response, in bytes.
const WRITE_BUFFER: usize = 16 * 1024;

/// If all large responses that are being sent take more than this number of bytes of memory, clients that do not read
/// their responses are disconnected sooner. Small responses are not counted, nor are responses whose bytes all
/// clients share or that are read in parts while they are sent.
const ANSWERS_TIGHT: usize = 24 * 1024 * 1024;
/// The maximum memory of all large responses that are being sent, in bytes. A large response that would exceed this
/// limit is refused.
const ANSWERS_FULL: usize = 48 * 1024 * 1024;

/// The number of file descriptors that are reserved for everything except client connections and films, such as
/// database connections.
const RESERVED_DESCRIPTORS: u64 = 256;

/// If the process may open fewer file descriptors than this number, it logs a warning.
const FEW_DESCRIPTORS: u64 = 4_096;

/// The state that all worker threads share.
#[derive(Clone)]
pub(crate) struct Shared {
    api: web::Data<Api>,
    document: web::Data<Document>,
    assets: web::Data<Assets>,
    docs_guard: web::Data<DocsGuard>,
    outermost: Arc<Outermost>,
    in_flight: InFlightLimit,
    hot_pages: HotPages,
}

impl Shared {
    /// Creates the shared state of all worker threads.
    pub(crate) fn new(state: ApiState, settings: ApiSettings) -> io::Result<Self> {
        let uploads_of_one_user = settings.rate_limits.is_some().then_some(UPLOADS_OF_ONE_USER);
        Ok(Self {
            assets: web::Data::new(Assets::unpacked(&settings.public_url)?),
            docs_guard: web::Data::new(DocsGuard::new(settings.docs_access)),
            outermost: Arc::new(Outermost {
                public_url: settings.public_url.clone(),
                ids: Arc::clone(&state.ids),
                readiness: Arc::clone(&state.readiness),
            }),
            in_flight: InFlightLimit::new(settings.max_in_flight),
            hot_pages: HotPages::new(settings.hot_page_time),
            document: web::Data::new(Document::new(&settings.public_url, openapi_document)),
            api: web::Data::new(Api {
                streams: Arc::new(LiveStreams::new(
                    Arc::clone(&state.notifications),
                    Arc::clone(&state.readiness),
                    state.runtime.clone(),
                )),
                transfers: Arc::new(Transfers::new(
                    Arc::clone(&state.library),
                    Arc::clone(&state.readiness),
                    state.runtime.clone(),
                    descriptors().films,
                    settings.rate_limits.is_some().then_some(FILMS_OF_ONE_PURCHASE),
                )),
                limits: RateLimitCounter::new(
                    Arc::clone(&state.limiter),
                    settings.rate_limits.clone(),
                    &settings.trusted_proxies,
                ),
                state,
                settings,
                running: RunningRequests::default(),
                uploads: UploadLimit::new("avatar-uploads-at-once", UPLOADS_AT_ONCE, uploads_of_one_user),
                poster_uploads: UploadLimit::new(
                    "poster-uploads-at-once",
                    POSTER_UPLOADS_AT_ONCE,
                    uploads_of_one_user,
                ),
                webhooks: WebhookLimit::default(),
                bodies: BodyMemory::default(),
                large_answers: LargeAnswers::default(),
            }),
        })
    }
}

/// Creates the complete app of one worker thread.
pub(crate) fn app(
    shared: &Shared,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = Error,
        InitError = (),
    > + use<>,
> {
    let in_flight = shared.in_flight.clone();
    let hot_pages = shared.hot_pages.clone();
    let limits = shared.api.limits.clone();
    let outermost = Arc::clone(&shared.outermost);
    let serve_pages = shared.api.settings.serve_pages;
    App::new()
        .app_data(shared.api.clone())
        .app_data(shared.document.clone())
        .app_data(shared.assets.clone())
        .app_data(shared.docs_guard.clone())
        // The middleware that is wrapped last is the outermost.
        .wrap(from_fn(move |request: ServiceRequest, next: Next<_>| {
            hot_pages::serve(hot_pages.clone(), request, next)
        }))
        .wrap(from_fn(request_headers::check))
        .wrap(from_fn(move |request: ServiceRequest, next: Next<_>| {
            rate_limit::limit(limits.clone(), request, next)
        }))
        .wrap(from_fn(move |request: ServiceRequest, next: Next<_>| {
            in_flight::limit(in_flight.clone(), request, next)
        }))
        .wrap(from_fn(compression::compress))
        .wrap(cors(&shared.api.settings))
        .wrap(from_fn(move |request: ServiceRequest, next: Next<_>| {
            Arc::clone(&outermost).handle(request, next)
        }))
        .wrap_api()
        .configure(routes::configure)
        .build()
        .configure(move |config| configure_pages(config, serve_pages))
}

/// Registers the routes that are not in the OpenAPI document: HTML pages, the files of Swagger UI, films and subtitles.
fn configure_pages(config: &mut web::ServiceConfig, serve_pages: bool) {
    config
        .service(web::resource(html::START).route(web::get().to(start::show)))
        .service(web::resource(html::PROBLEMS).route(web::get().to(problem::page::list)))
        .service(web::resource("/problems/").route(web::get().to(|| redirect("../problems"))))
        .service(web::resource("/docs/").route(web::get().to(|| redirect("../docs"))))
        .service(web::resource("/docs/{file}").route(web::get().to(docs::file)))
        .service(
            web::resource(html::CHECKOUT)
                .route(web::get().to(sandbox::show))
                .route(web::post().to(sandbox::choose)),
        )
        .service(web::resource("/media/films/{address}").route(web::get().to(files::film)))
        .service(web::resource("/media/subtitles/{address}").route(web::get().to(files::subtitles)))
        // Mails link to this page even if there is a frontend.
        .service(
            web::resource(html::UNSUBSCRIBE)
                .route(web::get().to(notification_pages::show))
                .route(web::post().to(notification_pages::unsubscribe)),
        );
    if serve_pages {
        config
            .service(
                web::resource(html::ACTIVATE)
                    .route(web::get().to(pages::show_activation))
                    .route(web::post().to(pages::activate)),
            )
            .service(
                web::resource(html::RESET_PASSWORD)
                    .route(web::get().to(pages::show_password_reset))
                    .route(web::post().to(pages::reset_password)),
            )
            .service(web::resource(html::ORDER).route(web::get().to(order_pages::show)))
            .service(web::resource(html::MOVIE).route(web::get().to(movie_pages::show)));
    }
}

/// Redirects to the canonical URL of a page. `address` is that URL, relative to the URL of the request.
#[expect(clippy::unused_async, reason = "actix accepts only asynchronous handlers")]
async fn redirect(address: &'static str) -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, address)).finish()
}

/// Serves the API on a listener until it is stopped with [`Server::handle`].
///
/// The server is a future that must be awaited on a tokio runtime. Its workers are separate threads, each with a
/// current-thread runtime. The server does not handle signals; the caller must handle them.
///
/// # Errors
/// When the listener cannot be used, or the files of Swagger UI cannot be unpacked.
pub fn serve(listener: TcpListener, state: ApiState, settings: ApiSettings) -> io::Result<Server> {
    limit_socket_buffers(&listener)?;
    raise_descriptors();
    let workers = settings.workers.max(1);
    let timeouts = settings.timeouts;
    let per_client = descriptors().per_client(settings.max_connections_per_client);
    let limit = ConnectionLimit::new(per_client, &settings.trusted_proxies);
    let memory = AnswerMemory::new(ANSWERS_TIGHT, ANSWERS_FULL);
    let shared = Shared::new(state, settings)?;
    let builder = Server::build()
        .workers(workers)
        .max_concurrent_connections(descriptors().connections.div_euclid(workers).max(16))
        .shutdown_timeout(25)
        .disable_signals();
    let shutdown = builder.graceful_shutdown_signal();
    let server = builder.listen("api", listener, move || {
        let (limit, memory, shutdown) = (limit.clone(), memory.clone(), shutdown.clone());
        let app = app(&shared).into_factory().map_err(|error: Error| error.error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let shutdown = shutdown.clone();
                async move { shutdown.notified().await }
            })
            .keep_alive(KeepAlive::Timeout(timeouts.idle))
            .client_request_timeout(timeouts.head)
            .client_disconnect_timeout(LINGER)
            .h1_write_buffer_size(WRITE_BUFFER)
            .on_connect_ext(|stream: &TimedStream<TcpStream>, data| drop(data.insert(stream.connection())))
            .finish(map_config(app, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            let accepted = accept(stream, timeouts, &limit, &memory);
            async move { accepted }
        })
        .and_then(http)
    })?;
    Ok(server.run())
}

/// How long, at most, the server continues to read from a connection after it has responded to a request that it had
/// not received completely. If it closed the connection immediately, the client might not receive the response.
const LINGER: std::time::Duration = std::time::Duration::from_secs(1);

type Accepted = (TimedStream<TcpStream>, Protocol, Option<std::net::SocketAddr>);

/// Accepts a connection, or closes it when its client has too many connections.
fn accept(
    stream: TcpStream,
    timeouts: Timeouts,
    limit: &ConnectionLimit,
    memory: &AnswerMemory,
) -> Result<Accepted, DispatchError> {
    let peer = stream.peer_addr()?;
    let permit = limit
        .admit(peer.ip())
        .ok_or_else(|| io::Error::new(io::ErrorKind::ConnectionRefused, "too many connections"))?;
    let stream = TimedStream::new(stream, timeouts, memory.clone(), Some(permit));
    Ok((stream, Protocol::Http1, Some(peer)))
}

/// How the available file descriptors of the process are divided.
struct Descriptors {
    /// The maximum number of client connections. Further clients wait to be accepted.
    connections: usize,
    /// The maximum number of films that are being sent. Each has an open file in addition to its connection.
    films: usize,
}

impl Descriptors {
    /// Divides this number of descriptors.
    fn of(limit: u64) -> Self {
        let free = usize::try_from(limit.saturating_sub(RESERVED_DESCRIPTORS)).unwrap_or(usize::MAX);
        let films = free.div_euclid(4).max(16);
        Self { connections: free.saturating_sub(films), films }
    }

    /// The maximum number of connections of one client: `configured`, but at most half of all connections (and at least
    /// 1). Otherwise one client could use up all connections of a process with few descriptors.
    fn per_client(&self, configured: usize) -> usize {
        configured.min(self.connections.div_euclid(2)).max(1)
    }
}

fn descriptors() -> Descriptors {
    Descriptors::of(descriptor_limit())
}

/// Raises the limit of open files (see [`raise_descriptor_limit`]), and warns if it is still low.
fn raise_descriptors() {
    if let Err(error) = raise_descriptor_limit() {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let descriptors = descriptor_limit();
    if descriptors < FEW_DESCRIPTORS {
        tracing::warn!(
            descriptors,
            "the limit of open files is low; raise it (ulimit -n, LimitNOFILE, --ulimit nofile)"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_gets_at_most_half_of_the_connections() {
        assert_eq!(Descriptors::of(1_048_576).per_client(256), 256);
        assert_eq!(Descriptors::of(400).connections, 108);
        assert_eq!(Descriptors::of(400).per_client(256), 54);
        assert_eq!(Descriptors::of(1).per_client(256), 1);
    }
}
