//! The REST interface: HTTP in, use cases called, RFC 9457 problems out.
