//! Puts routes and layers together and serves them.

use std::{net::TcpListener, sync::Arc};

use actix_web::{
    App, Error, HttpServer,
    body::MessageBody,
    dev::{Server, ServiceFactory, ServiceRequest, ServiceResponse},
    middleware::{Compress, Next, from_fn},
    web,
};
use paperclip::actix::OpenApiExt;

use crate::{
    accounts::pages,
    docs::{self, Assets, Door},
    edge::{acceptance, compression, cors::cors, limited, manners::Manners, overload, seat::Room},
    html,
    limits::RateLimitCounter,
    openapi::Document,
    routes,
    settings::ApiSettings,
    state::{Api, ApiState},
    uploads::UploadLimit,
};

/// Files that may be uploaded at once: the memory that they take together.
const UPLOADS_AT_ONCE: usize = 16;

/// What all workers share.
#[derive(Clone)]
pub(crate) struct Shared {
    api: web::Data<Api>,
    document: web::Data<Document>,
    assets: web::Data<Assets>,
    door: web::Data<Door>,
    manners: Arc<Manners>,
    room: Room,
}

impl Shared {
    /// Builds what is built once: the document, the page's files.
    pub(crate) fn new(state: ApiState, settings: ApiSettings) -> std::io::Result<Self> {
        Ok(Self {
            assets: web::Data::new(Assets::unpacked(&settings.public_url)?),
            door: web::Data::new(Door::new(settings.docs_access)),
            manners: Arc::new(Manners {
                public_url: settings.public_url.clone(),
                ids: Arc::clone(&state.ids),
                readiness: Arc::clone(&state.readiness),
            }),
            room: Room::new(settings.max_in_flight),
            document: web::Data::new(Document::new(&settings.public_url)),
            api: web::Data::new(Api {
                limits: RateLimitCounter::new(
                    Arc::clone(&state.limiter),
                    settings.rate_limits.clone(),
                    &settings.trusted_proxies,
                ),
                state,
                settings,
                uploads: UploadLimit::new(UPLOADS_AT_ONCE),
            }),
        })
    }
}

/// The whole app of one worker.
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
    let room = shared.room.clone();
    let limits = shared.api.limits.clone();
    let manners = Arc::clone(&shared.manners);
    let serve_pages = shared.api.settings.serve_pages;
    App::new()
        .app_data(shared.api.clone())
        .app_data(shared.document.clone())
        .app_data(shared.assets.clone())
        .app_data(shared.door.clone())
        // The last is the outermost.
        .wrap(from_fn(acceptance::negotiate))
        .wrap(from_fn(move |request: ServiceRequest, next: Next<_>| {
            limited::limit(limits.clone(), request, next)
        }))
        .wrap(from_fn(move |request: ServiceRequest, next: Next<_>| {
            overload::shed(room.clone(), request, next)
        }))
        .wrap(from_fn(compression::exempt))
        .wrap(Compress::default())
        .wrap(cors(&shared.api.settings))
        .wrap(from_fn(move |request: ServiceRequest, next: Next<_>| {
            Arc::clone(&manners).see_through(request, next)
        }))
        .wrap_api()
        .configure(routes::configure)
        .build()
        .service(web::resource("/docs/{file}").route(web::get().to(docs::file)))
        .configure(move |config| {
            if serve_pages {
                config.service(
                    web::resource(html::ACTIVATION)
                        .route(web::get().to(pages::ask_to_activate))
                        .route(web::post().to(pages::activate)),
                );
                config.service(
                    web::resource(html::PASSWORD)
                        .route(web::get().to(pages::ask_for_password))
                        .route(web::post().to(pages::reset_password)),
                );
            }
        })
}

/// Serves the API on a listener until its handle stops it.
///
/// The server is a future to be awaited on a tokio runtime; its workers are threads of their own, each with a
/// current-thread runtime. Signals are the caller's business.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(listener: TcpListener, state: ApiState, settings: ApiSettings) -> std::io::Result<Server> {
    let workers = settings.workers.max(1);
    let shared = Shared::new(state, settings)?;
    let server = HttpServer::new(move || app(&shared))
        .workers(workers)
        .shutdown_timeout(25)
        .disable_signals()
        .listen(listener)?
        .run();
    Ok(server)
}
