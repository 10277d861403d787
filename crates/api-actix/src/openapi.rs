//! The OpenAPI 3.1 document: what paperclip recorded of the routes, mended (`mend`) from what the extractors and
//! answers said of themselves (`carrier`).

pub(crate) mod carrier;
pub(crate) mod mend;

use std::sync::{Arc, Mutex};

use actix_web::{App, HttpResponse, http::header, web};
use paperclip::actix::OpenApiExt;
use serde_json::Value;

use crate::routes;

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

/// The document as it is served: written once, at the start.
#[derive(Debug)]
pub(crate) struct Document {
    bytes: web::Bytes,
    methods: Vec<(String, String)>,
}

impl Document {
    pub(crate) fn new(public_url: &str) -> Self {
        let document = openapi_document(public_url);
        let methods = document
            .get("paths")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(path, operations)| (path.clone(), allowed(operations)))
            .collect();
        Self { bytes: document.to_string().into(), methods }
    }

    /// The `Allow` header of a path pattern.
    pub(crate) fn methods_of(&self, pattern: &str) -> Option<&str> {
        self.methods.iter().find(|(path, _)| path == pattern).map(|(_, methods)| methods.as_str())
    }

    pub(crate) fn response(&self) -> HttpResponse {
        HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(self.bytes.clone())
    }
}

fn allowed(operations: &Value) -> String {
    let mut methods: Vec<String> =
        operations.as_object().into_iter().flatten().map(|(method, _)| method.to_ascii_uppercase()).collect();
    if methods.iter().any(|method| method == "GET") {
        methods.push("HEAD".to_owned());
    }
    methods.sort();
    methods.join(", ")
}

#[cfg(test)]
mod tests;
