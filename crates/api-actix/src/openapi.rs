//! Generates the OpenAPI 3.1 document. The library paperclip records the routes. Extractors and response types
//! describe themselves (`describe`). `convert` makes the document from the routes and these descriptions.

pub(crate) mod convert;
pub(crate) mod describe;
pub(crate) mod headers;
mod problems;
pub(crate) mod schemas;

use std::sync::{Arc, Mutex};

use actix_web::App;
use paperclip::actix::OpenApiExt;
use serde_json::Value;

use crate::routes;

/// Returns the document for a server with this public URL. This function needs neither a running server nor a database.
#[must_use]
pub fn openapi_document(public_url: &str) -> Value {
    let recorded = Arc::new(Mutex::new(Value::Null));
    let keep = Arc::clone(&recorded);
    // The app only records its routes and never serves them. The routes do not depend on the state.
    let _app = describe::recording(|| {
        App::new().wrap_api().configure(routes::configure).with_raw_json_spec_v3(move |app, spec| {
            if let Ok(mut place) = keep.lock() {
                *place = spec;
            }
            app
        })
    });
    let recorded = recorded.lock().map(|place| place.clone()).unwrap_or_default();
    convert::document(&recorded, public_url)
}

#[cfg(test)]
mod tests;
