//! The OpenAPI 3.1 document. paperclip records the routes, extractors and answers describe themselves (`describe`), and
//! `convert` makes the document of both.

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

/// The document of a server that is reached at this address. It needs neither a server nor a database.
#[must_use]
pub fn openapi_document(public_url: &str) -> Value {
    let recorded = Arc::new(Mutex::new(Value::Null));
    let keep = Arc::clone(&recorded);
    // It is recorded and never served: routes are the same for every state.
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
