//! Every secret that the suite sends to a server or receives from one, for a search in everything that was logged.
//!
//! The secrets in calls of actors and in the recording mailer are collected automatically.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use aho_corasick::AhoCorasick;
use serde_json::Value;
use uuid::Uuid;

/// Shorter texts may occur in a log by chance.
const SHORTEST: usize = 8;

/// The length of the searched prefix of a secret, so that truncated texts in a log are also found.
const LONGEST: usize = 64;

/// How many bytes of a secret are searched where bytes are written as numbers.
const BYTES: usize = 16;

static CANARIES: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Records a text that must not be logged.
pub(crate) fn plant(text: &str) {
    let text = text.trim();
    let text: String = text.chars().take(LONGEST).collect();
    // Identifiers are logged deliberately, and words such as a role's name are not personal.
    let is_word = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if text.chars().count() < SHORTEST || is_word || Uuid::try_parse(&text).is_ok() {
        return;
    }
    CANARIES.lock().unwrap_or_else(PoisonError::into_inner).insert(text);
}

/// Records a token, and separately its signature if it has one.
pub(crate) fn plant_token(token: &str) {
    plant(token);
    if let Some((_, signature)) = token.rsplit_once('.') {
        plant(signature);
    }
}

/// Records an `Authorization` header, and the secret in it.
pub(crate) fn plant_authorization(header: &str) {
    plant(header);
    if let Some((_, secret)) = header.split_once(' ') {
        plant_token(secret);
    }
}

/// Records every text in a body.
pub(crate) fn plant_texts(body: &Value) {
    match body {
        Value::String(text) if text.matches('.').count() == 2 => plant_token(text),
        Value::String(text) => plant(text),
        Value::Array(items) => items.iter().for_each(plant_texts),
        Value::Object(members) => members.values().for_each(plant_texts),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Records the texts of a body that may not be JSON.
pub(crate) fn plant_bytes(body: &[u8]) {
    if let Ok(body) = serde_json::from_slice(body) {
        plant_texts(&body);
    } else {
        let text = String::from_utf8_lossy(body);
        plant(&text);
        // A form: `token=…&password=…`.
        text.split('&').filter_map(|pair| pair.split_once('=')).for_each(|(_, value)| plant(value));
    }
}

/// Records the tokens in an answer.
pub(crate) fn plant_tokens_of(answer: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(answer) else { return };
    for name in ["access", "refresh"] {
        if let Some(token) = body[name].as_str() {
            plant_token(token);
        }
    }
}

/// Records the values of `token=` and `email=` in an address.
pub(crate) fn plant_address(target: &str) {
    for (_, value) in target.split(['?', '&']).filter_map(|pair| pair.split_once('=')) {
        if target.contains("token=") || value.contains('@') || value.contains("%40") {
            plant(value);
        }
    }
}

/// A secret may be written literally, percent-encoded, or as the numbers of its bytes.
fn spellings(secret: &str) -> impl Iterator<Item = String> {
    let bytes = secret.as_bytes();
    let numbers = format!("{:?}", &bytes[..bytes.len().min(BYTES)]);
    let escaped = secret.contains('@').then(|| secret.replace('@', "%40"));
    [secret.to_owned(), numbers.trim_matches(['[', ']']).to_owned()].into_iter().chain(escaped)
}

/// The secrets that occur in the lines, each once: the number of its first line, the secret, and that line.
pub(crate) fn found_in(lines: &str, secrets: &BTreeSet<String>) -> Vec<String> {
    let spellings: BTreeSet<String> = secrets.iter().flat_map(|secret| spellings(secret)).collect();
    let spellings: Vec<String> = spellings.into_iter().collect();
    let search = AhoCorasick::new(&spellings).expect("a search for this many texts");
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for (number, line) in (1..).zip(lines.lines()) {
        for place in search.find_iter(line).filter(|place| seen.insert(place.pattern())) {
            found.push(format!("line {number}: {:?} stands in: {line}", spellings[place.pattern()]));
        }
    }
    found
}

/// Searches every secret of the run in every captured line; returns the findings with their lines.
pub(crate) fn leaks() -> Vec<String> {
    let secrets = CANARIES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    found_in(&super::captured_logs(), &secrets)
}
