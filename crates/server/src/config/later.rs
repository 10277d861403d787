use std::net::SocketAddr;

use super::{read::Reader, redaction::hide_password};

/// Settings that only later versions will use. They are read and checked, so that an invalid value is reported now, but
/// they have no effect yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaterSettings(Vec<(&'static str, Option<String>)>);

impl LaterSettings {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let address = "an address and a port, such as 127.0.0.1:9100";
        Self(vec![
            ("DATABASE_REPLICA_URL", reader.postgres("DATABASE_REPLICA_URL").map(|url| hide_password(&url))),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", reader.url("OTEL_EXPORTER_OTLP_ENDPOINT")),
            (
                "METRICS_ADDR",
                reader.parsed::<SocketAddr>("METRICS_ADDR", address).map(|address| address.to_string()),
            ),
        ])
    }

    /// Returns the names of those settings that are set.
    pub fn set(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| *name)
    }

    /// Returns each setting with its value, with secrets hidden.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.0.iter().map(|(name, value)| (*name, value.clone().unwrap_or_default()))
    }
}
