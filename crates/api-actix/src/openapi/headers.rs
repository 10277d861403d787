//! The headers of answers, described once each.

use serde_json::{Map, Value, json};

/// A header as the document describes it.
struct Described {
    /// The name of the component; a header that means several things has a component for each.
    component: &'static str,
    name: &'static str,
    text: &'static str,
    schema: fn() -> Value,
}

/// The longest `If-None-Match` in bytes: enough for a hundred entity tags.
pub(crate) const MAX_CONDITION: usize = 8_192;

/// What a list or thing of the catalogue carries: others may keep what nobody in particular asked for.
pub(crate) const CATALOG_CACHE: &str = "CatalogCacheControl";
/// What may be kept by everybody carries.
pub(crate) const PUBLIC_CACHE: &str = "PublicCacheControl";
/// The tag of what is the same byte for byte.
pub(crate) const STRONG_ETAG: &str = "StrongETag";
/// The tag of what means the same.
pub(crate) const WEAK_ETAG: &str = "WeakETag";

const PRIVATE_CACHE: &str = "Cache-Control";

const HEADERS: &[Described] = &[
    Described {
        component: "X-Request-Id",
        name: "X-Request-Id",
        text: "Names this request in the server's log; the one that was sent, when it has at most 128 letters, digits, \
               `.`, `_` and `-`.",
        schema: || json!({"type": "string", "pattern": "^[A-Za-z0-9._-]+$", "maxLength": 128}),
    },
    Described {
        component: PRIVATE_CACHE,
        name: "Cache-Control",
        text: "Nobody but the caller may keep the answer.",
        schema: || json!({"type": "string", "const": "private, no-store"}),
    },
    Described {
        component: CATALOG_CACHE,
        name: "Cache-Control",
        text: "Without a token anybody may keep the answer for 5 seconds, with one nobody may.",
        schema: || json!({"type": "string", "enum": ["private, no-store", "public, max-age=5"]}),
    },
    Described {
        component: PUBLIC_CACHE,
        name: "Cache-Control",
        text: "For how many seconds anybody may keep the answer.",
        schema: || json!({"type": "string", "pattern": "^public, max-age=[0-9]+(, immutable)?$", "maxLength": 60}),
    },
    Described {
        component: "Vary",
        name: "Vary",
        text: "The headers of the request that the answer depends on: `Accept-Encoding`, those of CORS, and \
               `Authorization` where others may keep it.",
        schema: || text(500),
    },
    Described {
        component: "Access-Control-Allow-Origin",
        name: "Access-Control-Allow-Origin",
        text: "The page's origin, when it is one of those that may call (CORS).",
        schema: || text(2_048),
    },
    Described {
        component: "Content-Disposition",
        name: "Content-Disposition",
        text: "What a file is called when it is kept.",
        schema: || text(500),
    },
    Described {
        component: STRONG_ETAG,
        name: "ETag",
        text: "The state of what is shown, byte for byte, such as `\"3-9f1c2a3b4c5d6e7f\"`. Send it back in `If-None-Match`.",
        schema: || json!({"type": "string", "pattern": "^\"[^\"]*\"$", "maxLength": 200}),
    },
    Described {
        component: WEAK_ETAG,
        name: "ETag",
        text: "The state of what is shown, such as `W/\"9f1c2a3b4c5d6e7f\"`. Send it back in `If-None-Match`.",
        schema: || json!({"type": "string", "pattern": "^W/\"[^\"]*\"$", "maxLength": 200}),
    },
    Described {
        component: "Link",
        name: "Link",
        text: "The first, previous, next and last page (RFC 8288).",
        schema: || text(262_144),
    },
    Described {
        component: "Location",
        name: "Location",
        text: "Where the new thing is found.",
        schema: || json!({"type": "string", "format": "uri-reference", "maxLength": 2_048}),
    },
    Described {
        component: "Retry-After",
        name: "Retry-After",
        text: "When to try again, in seconds.",
        schema: || json!({"type": "string", "pattern": "^[0-9]+$", "maxLength": 10}),
    },
    Described {
        component: "RateLimit-Policy",
        name: "RateLimit-Policy",
        text: "The quotas that this call is counted for, where limits are on: `q` times within `w` seconds (IETF \
               draft-ietf-httpapi-ratelimit-headers-11).",
        schema: || text(1_000),
    },
    Described {
        component: "RateLimit",
        name: "RateLimit",
        text: "What is left of those quotas: `r` times within the next `t` seconds. In a 429 those that are used up.",
        schema: || text(1_000),
    },
    Described {
        component: "WWW-Authenticate",
        name: "WWW-Authenticate",
        text: "How to authenticate.",
        schema: || text(500),
    },
];

fn text(most: u32) -> Value {
    json!({"type": "string", "pattern": "^[^\\x00-\\x1f]*$", "maxLength": most})
}

/// References to headers by the names of their components.
pub(super) fn references(components: &[&str]) -> Value {
    HEADERS
        .iter()
        .filter(|header| components.contains(&header.component))
        .map(|header| {
            let reference = json!({"$ref": format!("#/components/headers/{}", header.component)});
            (header.name.to_owned(), reference)
        })
        .collect::<Map<_, _>>()
        .into()
}

/// Adds what every answer carries, but for what it describes in its own way.
pub(super) fn add_common(answer: &mut Value) {
    let common = [
        "X-Request-Id",
        PRIVATE_CACHE,
        "Vary",
        "Access-Control-Allow-Origin",
        "RateLimit-Policy",
        "RateLimit",
    ];
    let Some(fields) = answer.as_object_mut() else { return };
    let headers = fields.entry("headers").or_insert_with(|| json!({}));
    if let (Some(headers), Value::Object(more)) = (headers.as_object_mut(), references(&common)) {
        for (name, reference) in more {
            headers.entry(name).or_insert(reference);
        }
    }
}

/// The components that this part of the document refers to.
pub(super) fn used(document: &str) -> Map<String, Value> {
    HEADERS
        .iter()
        .filter(|header| document.contains(&format!("#/components/headers/{}\"", header.component)))
        .map(|header| {
            let described = json!({"description": header.text, "schema": (header.schema)()});
            (header.component.to_owned(), described)
        })
        .collect()
}
