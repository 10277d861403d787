/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For human readers.
    Pretty,
    /// For programs: one JSON object per line.
    Json,
}
