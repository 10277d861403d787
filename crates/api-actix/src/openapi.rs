//! The OpenAPI 3.1 document: what paperclip recorded of the routes, mended (`mend`) from what the extractors and
//! answers said of themselves (`carrier`).

pub(crate) mod carrier;
pub(crate) mod mend;
mod problems;
pub(crate) mod schemas;

use std::sync::{Arc, Mutex, OnceLock};

use actix_web::App;
use paperclip::actix::OpenApiExt;
use serde_json::Value;

use crate::{edge::compression::StaticBody, routes};

/// The document of a server that is reached at this address. It needs neither a server nor a database.
#[must_use]
pub fn openapi_document(public_url: &str) -> Value {
    let recorded = Arc::new(Mutex::new(Value::Null));
    let keep = Arc::clone(&recorded);
    // Only recorded, never served: routes are the same for every state.
    let _app = App::new().wrap_api().configure(routes::configure).with_raw_json_spec_v3(move |app, spec| {
        if let Ok(mut place) = keep.lock() {
            *place = spec;
        }
        app
    });
    let recorded = recorded.lock().map(|place| place.clone()).unwrap_or_default();
    mend::mended(&recorded, public_url)
}

/// The document as it is served. It is made when it is asked for first.
#[derive(Debug)]
pub(crate) struct Document {
    public_url: String,
    body: OnceLock<Arc<StaticBody>>,
}

impl Document {
    pub(crate) fn new(public_url: &str) -> Self {
        Self { public_url: public_url.to_owned(), body: OnceLock::new() }
    }

    pub(crate) fn body(&self) -> Arc<StaticBody> {
        let document = || StaticBody::new(openapi_document(&self.public_url).to_string().into());
        Arc::clone(self.body.get_or_init(document))
    }
}

#[cfg(test)]
mod tests;
