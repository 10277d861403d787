//! Describes the headers of responses.

use serde_json::{Map, Value, json};

/// The description of a header in the document.
struct Described {
    /// The name of the component in the document. A header with several meanings has a component for each of them.
    component: &'static str,
    name: &'static str,
    text: &'static str,
    schema: fn() -> Value,
}

/// The maximum length of `If-None-Match`, in bytes. It is enough for about a hundred entity tags.
pub(crate) const MAX_CONDITION: usize = 8_192;

/// The `Cache-Control` of catalogue responses: responses to anonymous requests may be cached publicly.
pub(crate) const CATALOG_CACHE: &str = "CatalogCacheControl";
/// The `Cache-Control` of responses that may be cached publicly.
pub(crate) const PUBLIC_CACHE: &str = "PublicCacheControl";
/// A strong entity tag. Responses with the same tag are equal byte for byte.
pub(crate) const STRONG_ETAG: &str = "StrongETag";
/// A weak entity tag. Responses with the same tag have the same content.
pub(crate) const WEAK_ETAG: &str = "WeakETag";

/// The header of a response to a request that was repeated with the same idempotency key.
pub(super) const REPLAYED: &str = "Idempotency-Replayed";

const PRIVATE_CACHE: &str = "Cache-Control";

const HEADERS: &[Described] = &[
    Described {
        component: "X-Request-Id",
        name: "X-Request-Id",
        text: "Identifies this request in the server's log. It is the `X-Request-Id` that the client sent, if that has at \
               most 128 characters and only letters, digits, `.`, `_` and `-`; otherwise the server creates it.",
        schema: || json!({"type": "string", "pattern": "^[A-Za-z0-9._-]+$", "maxLength": 128}),
    },
    Described {
        component: PRIVATE_CACHE,
        name: "Cache-Control",
        text: "The answer must not be cached.",
        schema: || json!({"type": "string", "const": "private, no-store"}),
    },
    Described {
        component: CATALOG_CACHE,
        name: "Cache-Control",
        text: "Answers to requests without a token may be cached publicly for 5 seconds, other answers must not be cached.",
        schema: || json!({"type": "string", "enum": ["private, no-store", "public, max-age=5"]}),
    },
    Described {
        component: PUBLIC_CACHE,
        name: "Cache-Control",
        text: "How many seconds the answer may be cached publicly.",
        schema: || json!({"type": "string", "pattern": "^public, max-age=[0-9]+(, immutable)?$", "maxLength": 60}),
    },
    Described {
        component: "Vary",
        name: "Vary",
        text: "The headers of the request that the answer depends on: `Accept-Encoding`, the CORS headers, and \
               `Authorization` if answers to requests without a token may be cached publicly.",
        schema: || text(500),
    },
    Described {
        component: "Access-Control-Allow-Origin",
        name: "Access-Control-Allow-Origin",
        text: "The origin that sent the request, if it may call the API (CORS).",
        schema: || text(2_048),
    },
    Described {
        component: "Content-Disposition",
        name: "Content-Disposition",
        text: "The name for saving the file.",
        schema: || text(500),
    },
    Described {
        component: STRONG_ETAG,
        name: "ETag",
        text: "The version of the answer, byte for byte, such as `\"3-9f1c2a3b4c5d6e7f\"`. Send it in `If-None-Match`.",
        schema: || json!({"type": "string", "pattern": "^\"[^\"]*\"$", "maxLength": 200}),
    },
    Described {
        component: WEAK_ETAG,
        name: "ETag",
        text: "The version of the content, such as `W/\"9f1c2a3b4c5d6e7f\"`. Send it in `If-None-Match`.",
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
        text: "The address of the new resource.",
        schema: || json!({"type": "string", "format": "uri-reference", "maxLength": 2_048}),
    },
    Described {
        component: "Retry-After",
        name: "Retry-After",
        text: "When to try again, in seconds.",
        schema: || json!({"type": "string", "pattern": "^[0-9]+$", "maxLength": 10}),
    },
    Described {
        component: REPLAYED,
        name: REPLAYED,
        text: "Sent only with the answer to a repeated request: the request was not carried out again.",
        schema: || json!({"type": "string", "const": "true"}),
    },
    Described {
        component: "RateLimit-Policy",
        name: "RateLimit-Policy",
        text: "The quotas that this call is counted for, if rate limits are enabled: `q` calls within `w` seconds \
               (IETF draft-ietf-httpapi-ratelimit-headers-11).",
        schema: || text(1_000),
    },
    Described {
        component: "RateLimit",
        name: "RateLimit",
        text: "What is left of these quotas: `r` calls within the next `t` seconds. In a 429, the quotas that are used up.",
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

/// Returns references to the headers with these components, by the name of the header.
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

/// Adds the headers that all responses can have, except headers that the response itself already describes.
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

/// Returns the header components that this part of the document refers to, by name.
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
